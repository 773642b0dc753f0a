"""Whole families: households of every shape, with children at home and gone, and clients without a household."""

from typing import Any, NamedTuple

from include.demo.draft import Draft, Family, Office, Row, weigh
from include.demo.people import add_person, give_ways_to_reach, give_work, is_female, relate

YEAR = 365.2425  # days
_GROWN_UP = 22  # years: from here on a child has left the household


class Shape(NamedTuple):
    """One kind of household: how frequent, the head's marital statuses to pick from and ages (from, to)."""

    weight: int
    statuses: tuple[str, ...]
    ages: tuple[int, int]
    is_couple: bool = False


_SHAPES = {
    "couple": Shape(58, ("Married",), (28, 86), True),
    "partners": Shape(
        6, weigh((("Domestic Partner", 6), ("Domestic Partnership", 2), ("Civil Union", 2))), (26, 72), True
    ),
    "unmarried": Shape(3, ("Single", "Single", "Divorced"), (24, 50), True),
    "single": Shape(14, ("Single", "Single", "Never Married", "Separated"), (22, 78)),
    "divorced": Shape(11, ("Divorced",), (33, 78)),
    "widowed": Shape(8, ("Widowed",), (48, 90)),
}
SHAPES = weigh((name, shape.weight) for name, shape in _SHAPES.items())


def make_family(office: Office, user_id: int | None, shape: str, with_child: bool = False) -> Family:
    """A household of that shape: the head and all who belong to it; `with_child` makes sure of a child at home."""
    draft, rng = office.draft, office.draft.rng
    low, high = (31, 52) if with_child else _SHAPES[shape].ages
    age = rng.whole(low, high) + rng.random()
    head = add_person(
        office,
        user_id,
        rng.chance(0.4),
        int(age * YEAR),
        marital_status=rng.label(rng.pick(_SHAPES[shape].statuses)),
        primary_advisor_id=rng.pick(office.advisors)["contact_id"] if rng.chance(0.8) else None,
    )
    give_work(draft, head, age)
    give_ways_to_reach(draft, head, as_client=True)
    household = draft.add("household", office.row, head_contact_id=head["contact_id"])
    family = Family(office, user_id, head, household)
    family.join(head, rng.label("Head") if rng.chance(0.95) else "Husband")
    if _SHAPES[shape].is_couple:
        _add_partner(family, shape, age)
    elif shape == "divorced" and rng.chance(0.6):
        _add_former_spouse(family, age)
    _add_children(family, age, with_child)
    household["name"] = _household_name(family)
    return family


def make_contact_client(office: Office, user_id: int | None) -> Family:
    """A client who is a member of no household."""
    draft, rng = office.draft, office.draft.rng
    age = rng.whole(23, 80) + rng.random()
    status = rng.pick(("Single", "Single", "Divorced", "Widowed"))
    head = add_person(office, user_id, rng.chance(0.5), int(age * YEAR), marital_status=rng.label(status))
    give_work(draft, head, age)
    give_ways_to_reach(draft, head, as_client=True)
    return Family(office, user_id, head)


def _household_name(family: Family) -> str:
    """Usually the last name; now and then both first names (which may outgrow a case name), or blanks around it."""
    rng, last = family.rng, family.head["last_name"].strip()
    if family.spouse and rng.chance(0.3):
        both = f"{last}, {family.head['first_name'].strip()} & {family.spouse['first_name'].strip()}"
        return f"{both} (joint planning household)" if rng.chance(0.15) else both
    return rng.label(f"{last} Household") if rng.chance(0.6) else last


def _spouse_label(draft: Draft, person: Row, is_partner: bool) -> str:
    """What a spouse is called, as a role or as a relation."""
    if is_partner:
        return draft.rng.label("Domestic Partner")
    return draft.rng.label(("Wife" if is_female(person) else "Husband") if draft.rng.chance(0.8) else "Spouse")


def _add_relative(family: Family, female: bool, age: float, **columns: Any) -> Row:
    """A person whom the family's user serves, too."""
    return add_person(family.office, family.user_id, female, int(age * YEAR), **columns)


def _add_partner(family: Family, shape: str, head_age: float) -> None:
    """Husband, wife or partner: a role, and one key relation stored from either side. The unmarried have neither."""
    draft, rng, head = family.draft, family.rng, family.head
    age = max(22.0, head_age + rng.whole(-7, 6) + rng.random())
    partner = _add_relative(
        family,
        is_female(head) if rng.chance(0.06) else not is_female(head),
        age,
        contact_type=rng.pick(("Client", "Client", "Prospect", None)),
        marital_status=head["marital_status"],
    )
    if rng.chance(0.85):
        partner["last_name"] = head["last_name"]
    give_work(draft, partner, age)
    give_ways_to_reach(draft, partner, as_client=False)
    if shape == "unmarried":
        role = rng.pick(("Partner", "Fiancee", "Fiance", "Other"))
        family.join(partner, role)
        relate(draft, head, partner, "Other" if role == "Partner" else role)
        return
    is_partner = shape == "partners"
    family.join(partner, _spouse_label(draft, partner, is_partner))
    contact, related = (head, partner) if rng.chance(0.7) else (partner, head)
    family.spouse_relation = relate(draft, contact, related, _spouse_label(draft, related, is_partner))
    family.spouse = partner


def _add_former_spouse(family: Family, head_age: float) -> None:
    """An ex-wife or ex-husband: tied by a key relation, sometimes still in the household, never a spouse."""
    rng, head = family.rng, family.head
    age = max(24.0, head_age + rng.whole(-6, 6))
    former = _add_relative(family, not is_female(head), age, contact_type="Prospect", marital_status="Divorced")
    label = rng.pick(("Ex-Wife" if is_female(former) else "Ex-Husband", "Ex-Spouse"))
    relate(family.draft, head, former, label)
    if rng.chance(0.25):
        family.join(former, label, is_primary=False)


def _add_children(family: Family, head_age: float, with_child: bool) -> None:
    """Children born when the head was 20 to 42: at home as dependents, or grown up and, some, clients themselves."""
    rng = family.rng
    for _ in range(rng.pick((1, 1, 2, 2, 3) if with_child else (0, 0, 1, 2, 2, 2, 3, 4))):
        parent_age = min(20 + 22 * (rng.random() + rng.random()) / 2, head_age - 0.3)
        if with_child and not family.children:
            parent_age = max(parent_age, head_age - 17)
        age = head_age - parent_age
        if age < 0.1 or parent_age < 18:
            continue
        if age < _GROWN_UP:
            _add_child_at_home(family, age)
        elif rng.chance(0.2):
            _add_grown_child(family, age)
    if rng.chance(0.02):
        _add_dependent_parent(family, head_age)


def _add_child_at_home(family: Family, age: float) -> None:
    rng, head = family.rng, family.head
    female, step = rng.chance(0.5), rng.chance(0.08)
    subsystem_type = rng.pick(("Dependent", "Dependent", "Contact"))
    child = _add_relative(family, female, age, subsystem_type=subsystem_type, contact_type=None)
    if not step or rng.chance(0.3):
        child["last_name"] = head["last_name"]
    label = ("Stepdaughter" if female else "Stepson") if step else ("Daughter" if female else "Son")
    role = label if rng.chance(0.75) or step else "Child"
    # a child of subsystem type Dependent is a dependent in any role
    is_role_kept = subsystem_type == "Contact" or rng.chance(0.9)
    family.join(child, rng.label(role) if is_role_kept else rng.pick((None, "Other")))
    if rng.chance(0.8):
        relate(family.draft, head, child, label)
    family.children.append(child)


def _add_grown_child(family: Family, age: float) -> None:
    """A son or daughter who is a client and a member of no household."""
    draft, female = family.draft, family.rng.chance(0.5)
    child = _add_relative(family, female, age, marital_status="Single", last_name=family.head["last_name"])
    give_work(draft, child, age)
    give_ways_to_reach(draft, child, as_client=True)
    relate(draft, family.head, child, "Daughter" if female else "Son")
    family.grown.append(child)


def _add_dependent_parent(family: Family, head_age: float) -> None:
    age = min(head_age + 28, 99)
    parent = _add_relative(family, True, age, subsystem_type="Dependent", contact_type=None, marital_status="Widowed")
    family.join(parent, "Mother")
    relate(family.draft, family.head, parent, "Mother")
