"""Whole families: households of every shape, with children at home and gone, and clients without a household."""

from include.demo.book import Row
from include.demo.desk import Desk, Family, Office
from include.demo.dice import weigh
from include.demo.people import add_person, give_ways_to_reach, give_work, is_female

YEAR = 365.2425  # days
GROWN_UP = 22  # years: from here on a child has left the household

SHAPES = weigh((("couple", 58), ("partners", 6), ("unmarried", 3), ("single", 14), ("divorced", 11), ("widowed", 8)))
_STATUSES = {
    "couple": ("Married",),
    "partners": weigh((("Domestic Partner", 6), ("Domestic Partnership", 2), ("Civil Union", 2))),
    "unmarried": ("Single", "Single", "Divorced"),
    "single": ("Single", "Single", "Never Married", "Separated"),
    "divorced": ("Divorced",),
    "widowed": ("Widowed",),
}
_AGES = {
    "couple": (28, 86),
    "partners": (26, 72),
    "unmarried": (24, 50),
    "single": (22, 78),
    "divorced": (33, 78),
    "widowed": (48, 90),
}
_COUPLES = ("couple", "partners", "unmarried")


def relate(desk: Desk, contact: Row, related: Row, relation: str | None, relation_type: str = "Family") -> Row:
    """A key relation: what `related` is to `contact`."""
    return desk.book.add(
        "key_relation",
        contact_id=contact["contact_id"],
        related_contact_id=related["contact_id"],
        relation_type=relation_type,
        relation=relation,
    )


def join(desk: Desk, family: Family, person: Row, role: str | None, is_primary: bool | None = True) -> None:
    """Make a person a member of the family's household."""
    assert family.household is not None
    family.members[person["contact_id"]] = desk.book.add(
        "household_member",
        household_id=family.household["household_id"],
        contact_id=person["contact_id"],
        role=role,
        is_primary=is_primary,
    )


def make_family(desk: Desk, office: Office, user_id: int | None, shape: str, with_child: bool = False) -> Family:
    """A household of that shape: the head, and whoever belongs to it; `with_child` makes sure of a child at home."""
    dice = desk.dice
    low, high = (31, 52) if with_child else _AGES[shape]
    age = dice.whole(low, high) + dice.random()
    head = add_person(
        desk,
        office,
        user_id,
        female=dice.chance(0.4),
        birth=desk.today - int(age * YEAR),
        marital_status=dice.label(dice.pick(_STATUSES[shape])),
        primary_advisor_id=dice.pick(office.advisors) if dice.chance(0.8) else None,
    )
    give_work(desk, head, age)
    give_ways_to_reach(desk, head, as_client=True)
    family = Family(office, user_id, head)
    family.household = desk.book.add("household", office_id=office.office_id, head_contact_id=head["contact_id"])
    join(desk, family, head, dice.label("Head") if dice.chance(0.95) else "Husband")
    if shape in _COUPLES:
        _add_partner(desk, family, shape, age)
    elif shape == "divorced" and dice.chance(0.6):
        _add_former_spouse(desk, family, age)
    _add_children(desk, family, age, with_child)
    family.household["name"] = household_name(desk, family)
    return family


def make_contact_client(desk: Desk, office: Office, user_id: int | None) -> Family:
    """A client who is a member of no household."""
    dice = desk.dice
    age = dice.whole(23, 80) + dice.random()
    status = dice.pick(("Single", "Single", "Divorced", "Widowed"))
    head = add_person(
        desk, office, user_id, dice.chance(0.5), desk.today - int(age * YEAR), marital_status=dice.label(status)
    )
    give_work(desk, head, age)
    give_ways_to_reach(desk, head, as_client=True)
    return Family(office, user_id, head)


def household_name(desk: Desk, family: Family) -> str:
    """Usually the last name; now and then both first names (which may outgrow a case name), or blanks around it."""
    dice, last = desk.dice, family.head["last_name"].strip()
    if family.spouse and dice.chance(0.3):
        both = f"{last}, {family.head['first_name'].strip()} & {family.spouse['first_name'].strip()}"
        return f"{both} (joint planning household)" if dice.chance(0.15) else both
    return dice.label(f"{last} Household") if dice.chance(0.6) else last


def wedded_label(desk: Desk, person: Row, is_partner: bool) -> str:
    """What a spouse is called, as a role or as a relation."""
    if is_partner:
        return desk.dice.label("Domestic Partner")
    return desk.dice.label(("Wife" if is_female(person) else "Husband") if desk.dice.chance(0.8) else "Spouse")


def _add_partner(desk: Desk, family: Family, shape: str, head_age: float) -> None:
    """Husband, wife or partner: a role, and one key relation stored from either side. The unmarried have neither."""
    dice, head = desk.dice, family.head
    age = max(22.0, head_age + dice.whole(-7, 6) + dice.random())
    partner = add_person(
        desk,
        family.office,
        family.user_id,
        female=is_female(head) if dice.chance(0.06) else not is_female(head),
        birth=desk.today - int(age * YEAR),
        contact_type=dice.pick(("Client", "Client", "Prospect", None)),
        marital_status=head["marital_status"],
    )
    if dice.chance(0.85):
        partner["last_name"] = head["last_name"]
    give_work(desk, partner, age)
    give_ways_to_reach(desk, partner, as_client=False)
    if shape == "unmarried":
        role = dice.pick(("Partner", "Fiancee", "Fiance", "Other"))
        join(desk, family, partner, role)
        relate(desk, head, partner, "Other" if role == "Partner" else role)
        return
    is_partner = shape == "partners"
    join(desk, family, partner, wedded_label(desk, partner, is_partner))
    contact, related = (head, partner) if dice.chance(0.7) else (partner, head)
    family.spouse_relation = relate(desk, contact, related, wedded_label(desk, related, is_partner))
    family.spouse = partner


def _add_former_spouse(desk: Desk, family: Family, head_age: float) -> None:
    """An ex-wife or ex-husband: tied by a key relation, sometimes still in the household, never a spouse."""
    dice, head = desk.dice, family.head
    birth = desk.today - int(max(24.0, head_age + dice.whole(-6, 6)) * YEAR)
    former = add_person(
        desk,
        family.office,
        family.user_id,
        not is_female(head),
        birth,
        contact_type="Prospect",
        marital_status="Divorced",
    )
    label = dice.pick(("Ex-Wife" if is_female(former) else "Ex-Husband", "Ex-Spouse"))
    relate(desk, head, former, label)
    if dice.chance(0.25):
        join(desk, family, former, label, is_primary=False)


def _add_children(desk: Desk, family: Family, head_age: float, with_child: bool) -> None:
    """Children born when the head was 20 to 42: at home as dependents, or grown up and, some, clients themselves."""
    dice = desk.dice
    for _ in range(dice.pick((1, 1, 2, 2, 3) if with_child else (0, 0, 1, 2, 2, 2, 3, 4))):
        parent_age = min(20 + 22 * (dice.random() + dice.random()) / 2, head_age - 0.3)
        if with_child and not family.children:
            parent_age = max(parent_age, head_age - 17)
        age = head_age - parent_age
        if age < 0.1 or parent_age < 18:
            continue
        if age < GROWN_UP:
            _add_child_at_home(desk, family, age)
        elif dice.chance(0.2):
            _add_grown_child(desk, family, age)
    if family.household and dice.chance(0.02):
        _add_dependent_parent(desk, family, head_age)


def _add_child_at_home(desk: Desk, family: Family, age: float) -> None:
    dice, head = desk.dice, family.head
    female, step = dice.chance(0.5), dice.chance(0.08)
    birth = desk.today - int(age * YEAR)
    subsystem = dice.pick(("Dependent", "Dependent", "Contact"))
    child = add_person(
        desk,
        family.office,
        family.user_id,
        female,
        birth,
        subsystem_type=subsystem,
        contact_type=None,
        marital_status=None,
    )
    child["last_name"] = head["last_name"] if not step or dice.chance(0.3) else child["last_name"]
    label = ("Stepdaughter" if female else "Stepson") if step else ("Daughter" if female else "Son")
    role = label if dice.chance(0.75) or step else "Child"
    # a child of subsystem type Dependent is one whatever its role says
    join(
        desk,
        family,
        child,
        dice.label(role) if subsystem == "Contact" or dice.chance(0.9) else dice.pick((None, "Other")),
    )
    if dice.chance(0.8):
        relate(desk, head, child, label)
    family.children.append(child)


def _add_grown_child(desk: Desk, family: Family, age: float) -> None:
    """A son or daughter with a life, and a file, of their own: a client who is a member of no household."""
    female = desk.dice.chance(0.5)
    birth = desk.today - int(age * YEAR)
    child = add_person(
        desk, family.office, family.user_id, female, birth, marital_status="Single", last_name=family.head["last_name"]
    )
    give_work(desk, child, age)
    give_ways_to_reach(desk, child, as_client=True)
    relate(desk, family.head, child, "Daughter" if female else "Son")
    family.grown.append(child)


def _add_dependent_parent(desk: Desk, family: Family, head_age: float) -> None:
    birth = desk.today - int(min(head_age + 28, 99) * YEAR)
    parent = add_person(
        desk,
        family.office,
        family.user_id,
        True,
        birth,
        subsystem_type="Dependent",
        contact_type=None,
        marital_status="Widowed",
    )
    join(desk, family, parent, "Mother")
    relate(desk, family.head, parent, "Mother")
