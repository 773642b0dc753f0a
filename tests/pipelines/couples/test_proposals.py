"""What a life event proposes: for each event, where each partner goes and what is done at each vendor."""

from dataclasses import dataclass

import pytest

from etl.load.life_event import find_event
from include.pipelines.couples.proposals import propose
from tests.builders import Office, person

HE, SHE, NEW = 1, 2, 3  # head and wife as they were sent, and somebody who comes
HEAD, SPOUSE = "H1, as its head", "H1, as its spouse"
DEAD = "has died: nothing is sent of this contact"
OWN = "C{}, a unit of its own"
NO_STEPS = ("Nothing, before SmartOffice names another head.",)


@dataclass(frozen=True)
class Case:
    """The couple now, who has died, where each goes, the steps at eMoney, and for whom Profiles gets a new case."""

    now: tuple[int, int | None]
    died: frozenset[int]
    goes: dict[int, str]
    at_emoney: tuple[str, ...]
    new_case: str | None


WIDOWED = "The client's status becomes Widowed."
DIVORCED = "The client's status becomes Divorced, with a previous marriage."
WITHOUT_HER = "Contact 2 is deleted as its spouse."
MARRIED = "Then the status becomes Married, and the new spouse is added."
AS_IT_IS = "The client stays contact 1's, as it is."
HERS = "H1 gets a client of its own for contact 2."

CASES = {
    "divorce": Case((HE, None), frozenset(), {HE: HEAD, SHE: OWN.format(2)}, (DIVORCED, WITHOUT_HER), "contact 1"),
    "she has died": Case((HE, None), frozenset({SHE}), {HE: HEAD, SHE: DEAD}, (WIDOWED, WITHOUT_HER), "contact 1"),
    "another wife": Case(
        (HE, NEW), frozenset(), {HE: HEAD, SHE: OWN.format(2), NEW: SPOUSE}, (DIVORCED, WITHOUT_HER, MARRIED),
        "contact 1 and contact 3",
    ),
    "another wife after her death": Case(
        (HE, NEW), frozenset({SHE}), {HE: HEAD, SHE: DEAD, NEW: SPOUSE}, (WIDOWED, WITHOUT_HER, MARRIED),
        "contact 1 and contact 3",
    ),
    "they change places": Case(
        (SHE, HE), frozenset(), {HE: SPOUSE, SHE: HEAD},
        ("The client stays the couple's: its person becomes contact 2, its spouse contact 1.",),
        "contact 2 and contact 1",
    ),
    "she is head after a divorce": Case(
        (SHE, None), frozenset(), {HE: OWN.format(1), SHE: HEAD},
        ("The client stays contact 1's.", DIVORCED, WITHOUT_HER, HERS), "contact 2",
    ),
    "he has died and she is head": Case(
        (SHE, None), frozenset({HE}), {HE: DEAD, SHE: HEAD}, (AS_IT_IS, HERS), "contact 2"
    ),
    "he has died and is head still": Case(
        (HE, SHE), frozenset({HE}), {HE: DEAD, SHE: HEAD}, (AS_IT_IS, HERS), "contact 2"
    ),
    "both have died": Case((HE, None), frozenset({HE, SHE}), {HE: DEAD, SHE: DEAD}, NO_STEPS, None),
    "a child is head": Case(
        (NEW, None), frozenset({HE, SHE}), {HE: DEAD, SHE: DEAD, NEW: HEAD},
        (AS_IT_IS, "H1 gets a client of its own for contact 3."), "contact 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_partner_goes_where_the_event_says_at_both_vendors(name: str) -> None:
    case = CASES[name]
    office = Office()
    office.household(
        head=person(is_deceased=HE in case.died), ex_wife=person(is_deceased=SHE in case.died), other=person()
    )
    event = find_event((HE, SHE), case.now, case.died)
    assert event is not None
    frames = office.frames()
    emoney, profiles = (propose(vendor, "H1", event, frames) for vendor in ("emoney", "profiles"))
    assert {one.contact_id: one.goes for one in emoney.people} == case.goes
    assert emoney.people == profiles.people
    assert emoney.steps == case.at_emoney
    made = f"H1 gets a new client and case for {case.new_case}."
    assert made in profiles.steps if case.new_case else profiles.steps == NO_STEPS


def test_a_head_who_has_died_is_followed_by_the_spouse_whom_smartoffice_is_to_name() -> None:
    office = Office()
    office.couple(head={"is_deceased": True})
    event = find_event((HE, SHE), (HE, SHE), {HE})
    assert event is not None
    words = propose("emoney", "H1", event, office.frames()).what
    assert words.endswith("There is no new head yet: choose one in SmartOffice first (contact 2, the spouse).")
