"""The agency before its clients: offices, users and their rights, carriers and products, advisors, attorneys, sets."""

from include.demo.catalog import CARRIERS, PLANS
from include.demo.desk import Desk, Office, Plan
from include.demo.people import add_email, add_person, add_phone

PROFILES = "Profiles Professional - Web"
EMONEY = "eMoney"
POLICY_TRACKING = "Policy Tracking"
PENDING_CASES = "Pending Case & Policy Setup Administrator"
INVESTMENT_TRACKING = "Investment Tracking"
DATA_EXPORT = "Data Export"
EXPORT_BUTTON = "Export contacts to another office - Button"
DATA_IMPORT = "Data Import"
RIGHTS = (
    PROFILES,
    EMONEY,
    POLICY_TRACKING,
    PENDING_CASES,
    INVESTMENT_TRACKING,
    DATA_EXPORT,
    EXPORT_BUTTON,
    DATA_IMPORT,
)

# name, prefix of its users' names
OFFICES = (("Planbridge Demo Agency", "main"), ("Lakeside Branch", "lakeside"), ("Harbor Branch", "harbor"))
FULL_USERS = ("morgan", "chen", "okafor")  # each office has one of each, with every right

# user name, status, rights that are missing; in the office whose index comes first
ODD_USERS: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (0, "no.emoney", "Enabled", (EMONEY,)),
    (0, "no.profiles", "Enabled", (PROFILES,)),
    (1, "no.investments", "Enabled", (INVESTMENT_TRACKING,)),
    (1, "no.policies", "Enabled", (POLICY_TRACKING,)),
    (2, "no.pending", "Enabled", (PENDING_CASES,)),
    (2, "former", "Disabled", ()),
)
UNASSIGNED_USERS: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (  # users that no client is assigned to
    (0, "service", "Enabled", (DATA_EXPORT, EXPORT_BUTTON, DATA_IMPORT)),
    (0, "newcomer", "Temporary Password", ()),
    (1, "no.export", "Enabled", (EXPORT_BUTTON,)),
    (2, "no.import", "Enabled", (DATA_IMPORT,)),
)
PLANNING_SET = "Planning clients"
MOVING_SET = "Moving to another office"
RETIRING_USER = "okafor"  # of the main office: this user's clients move (`include.demo.moving`)
RECEIVING_OFFICE = 1  # the branch that takes them over


def open_offices(desk: Desk) -> list[Office]:
    """A parent office and its branches, each with its people; returns them parent first."""
    offices: list[Office] = []
    for name, _ in OFFICES:
        parent = offices[0].office_id if offices else None
        row = desk.book.add("office", name=name, parent_office_id=parent, status="Active")
        offices.append(Office(row["office_id"], name))
    _add_users(desk, offices)
    _add_products(desk, offices)
    for office in offices:
        _add_outside_people(desk, office)
        for name in (PLANNING_SET, MOVING_SET, "Newsletter"):
            row = desk.book.add("contact_set", office_id=office.office_id, name=name)
            office.set_ids[name] = row["set_id"]
    return offices


def _add_users(desk: Desk, offices: list[Office]) -> None:
    for office, (_, prefix) in zip(offices, OFFICES, strict=True):
        users = [_add_user(desk, office, f"{prefix}.{name}", "Enabled", ()) for name in FULL_USERS]
        office.full_users = tuple(users)
    offices[0].retiring_user = offices[0].full_users[FULL_USERS.index(RETIRING_USER)]
    for index, name, status, missing in ODD_USERS:
        offices[index].odd_users += (_add_user(desk, offices[index], name, status, missing),)
    for index, name, status, missing in UNASSIGNED_USERS:
        _add_user(desk, offices[index], name, status, missing)


def _add_user(desk: Desk, office: Office, name: str, status: str, missing: tuple[str, ...]) -> int:
    full_name = name.replace(".", " ").title()
    user = desk.book.add("crm_user", office_id=office.office_id, user_name=name, full_name=full_name, status=status)
    for right in RIGHTS:
        if right not in missing:
            desk.book.add("user_right", user_id=user["user_id"], right_name=right)
    return int(user["user_id"])


def _add_products(desk: Desk, offices: list[Office]) -> None:
    """Carriers of the parent office sell in every office; each branch has one carrier of its own besides."""
    parent, *branches = offices
    owned = [(parent, carrier) for carrier in CARRIERS[: len(CARRIERS) - len(branches)]]
    owned += list(zip(branches, CARRIERS[-len(branches) :], strict=True))
    for owner, (name, naic_id, status) in owned:
        carrier = desk.book.add("carrier", office_id=owner.office_id, name=name, naic_id=naic_id, status=status)
        for plan_name, insurance_type, plan_type, calculate_benefit in PLANS:
            product = desk.book.add(
                "product",
                carrier_id=carrier["carrier_id"],
                office_id=owner.office_id,
                plan_name=plan_name,
                insurance_type=insurance_type,
                plan_type=plan_type,
                calculate_benefit=calculate_benefit,
            )
            plan = Plan(product["product_id"], insurance_type, plan_type)
            for office in offices if owner is parent else [owner]:
                kind = "VA" if plan_type == "VA" else insurance_type  # variable annuities on the Policies tab: by hand
                office.plans.setdefault(kind, []).append(plan)


def _add_outside_people(desk: Desk, office: Office) -> None:
    """Advisors and an agency, attorneys and accountants, and the businesses that clients own or work for."""
    dice, book = desk.dice, desk.book
    for kind, count, home in (("Advisor", 4, office.advisors), ("Contact", 3, office.attorneys)):
        for _ in range(count):
            contact_type = None if kind == "Advisor" else "Professional"
            birth = desk.today - dice.whole(12_000, 22_000)
            person = add_person(
                desk, office, None, dice.chance(0.5), birth, subsystem_type=kind, contact_type=contact_type
            )
            add_phone(desk, person, "Business")
            add_email(desk, person, "Business")
            home.append(person["contact_id"])
            office.outside_people.append(person)
    names = [("Agency", f"{office.city} Agency"), ("Carrier", "Northfield Mutual Life (home office)")]
    names += [("Business", dice.pick(desk.names.companies)) for _ in range(6)]
    for subsystem_type, name in names:
        business = book.add(
            "contact",
            office_id=office.office_id,
            record_type="Business",
            subsystem_type=subsystem_type,
            contact_type="Client" if subsystem_type == "Business" else None,
            business_name=name,
        )
        if subsystem_type == "Business":
            office.businesses.append(business["contact_id"])
