"""The agency before its clients: offices, users and their rights, carriers and products, advisors, attorneys, sets."""

from include.demo.catalog import CARRIERS, PRODUCTS
from include.demo.draft import Draft, Office
from include.demo.people import add_business, add_email, add_person, add_phone

PROFILES = "Profiles Professional - Web"
EMONEY = "eMoney"
POLICIES = "Policy Tracking"
PENDING_CASES = "Pending Case & Policy Setup Administrator"
INVESTMENTS = "Investment Tracking"
EXPORT = "Data Export"
EXPORT_BUTTON = "Export contacts to another office - Button"
IMPORT = "Data Import"
RIGHTS = (PROFILES, EMONEY, POLICIES, PENDING_CASES, INVESTMENTS, EXPORT, EXPORT_BUTTON, IMPORT)

# name, prefix of its users' names
OFFICES = (("Planbridge Demo Agency", "main"), ("Lakeside Branch", "lakeside"), ("Harbor Branch", "harbor"))
FULL_USERS = ("morgan", "chen", "okafor")  # each office has one of each, with every right

# index of the office, user name, status, rights that are missing, whether clients are assigned to the user
ODD_USERS: tuple[tuple[int, str, str, tuple[str, ...], bool], ...] = (
    (0, "no.emoney", "Enabled", (EMONEY,), True),
    (0, "no.profiles", "Enabled", (PROFILES,), True),
    (1, "no.investments", "Enabled", (INVESTMENTS,), True),
    (1, "no.policies", "Enabled", (POLICIES,), True),
    (2, "no.pending", "Enabled", (PENDING_CASES,), True),
    (2, "former", "Disabled", (), True),
    (0, "service", "Enabled", (EXPORT, EXPORT_BUTTON, IMPORT), False),
    (0, "newcomer", "Temporary Password", (), False),
    (1, "no.export", "Enabled", (EXPORT_BUTTON,), False),
    (2, "no.import", "Enabled", (IMPORT,), False),
)
PLANNING_SET = "Planning clients"
MOVING_SET = "Moving to another office"
RETIRING_USER = "okafor"  # of the main office: this user's clients move (`include.demo.moving`)
RECEIVING_OFFICE = 1  # the branch that takes over the clients


def open_offices(draft: Draft) -> list[Office]:
    """A parent office and its branches, each with its people; the parent comes first."""
    offices: list[Office] = []
    for name, _ in OFFICES:
        parent = offices[0].row["office_id"] if offices else None
        offices.append(Office(draft, draft.add("office", name=name, parent_office_id=parent, status="Active")))
    _add_users(offices)
    _add_products(draft, offices)
    for office in offices:
        _add_outside_people(office)
        for name in (PLANNING_SET, MOVING_SET, "Newsletter"):
            office.sets[name] = draft.add("contact_set", office.row, name=name)
    return offices


def _add_users(offices: list[Office]) -> None:
    for office, (_, prefix) in zip(offices, OFFICES, strict=True):
        office.full_users = [_add_user(office, f"{prefix}.{name}", "Enabled", ()) for name in FULL_USERS]
    offices[0].retiring_user = offices[0].full_users[FULL_USERS.index(RETIRING_USER)]
    for index, name, status, missing, is_assigned in ODD_USERS:
        user_id = _add_user(offices[index], name, status, missing)
        if is_assigned:
            offices[index].odd_users.append(user_id)


def _add_user(office: Office, name: str, status: str, missing: tuple[str, ...]) -> int:
    full_name = name.replace(".", " ").title()
    user = office.draft.add("crm_user", office.row, user_name=name, full_name=full_name, status=status)
    for right in RIGHTS:
        if right not in missing:
            office.draft.add("user_right", user, right_name=right)
    return int(user["user_id"])


def _add_products(draft: Draft, offices: list[Office]) -> None:
    """Carriers of the parent office sell in every office; each branch also has a carrier that sells nowhere else."""
    parent, *branches = offices
    owned = [(parent, carrier) for carrier in CARRIERS[: -len(branches)]]
    owned += zip(branches, CARRIERS[-len(branches) :], strict=True)
    for owner, (name, naic_id, status) in owned:
        carrier = draft.add("carrier", owner.row, name=name, naic_id=naic_id, status=status)
        for plan_name, insurance_type, plan_type, calculate_benefit in PRODUCTS:
            product = draft.add(
                "product",
                carrier,
                owner.row,
                plan_name=plan_name,
                insurance_type=insurance_type,
                plan_type=plan_type,
                calculate_benefit=calculate_benefit,
            )
            kind = "VA" if plan_type == "VA" else insurance_type
            for office in offices if owner is parent else [owner]:
                office.products.setdefault(kind, []).append(product["product_id"])


def _add_outside_people(office: Office) -> None:
    """Advisors and an agency, attorneys and accountants, and the businesses that clients own or work for."""
    draft, rng = office.draft, office.draft.rng
    kinds = (("Advisor", None, 4, office.advisors), ("Contact", "Professional", 3, office.attorneys))
    for subsystem_type, contact_type, count, people in kinds:
        for _ in range(count):
            days_old, female = rng.whole(12_000, 22_000), rng.chance(0.5)
            person = add_person(
                office, None, female, days_old, subsystem_type=subsystem_type, contact_type=contact_type
            )
            add_phone(draft, person, "Business")
            add_email(draft, person, "Business")
            people.append(person)
    names = [rng.pick(draft.names.companies) for _ in range(6)]
    add_business(office, f"{office.row['name']} Agency", "Agency")
    add_business(office, "Northfield Mutual Life (home office)", "Carrier")
    office.businesses = [add_business(office, name, contact_type="Client") for name in names]
