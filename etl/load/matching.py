"""Which vendor record is a unit, and which of several units of one person goes to the vendor. Pure.

Rules: MATCH-STORED, MATCH-EXACT, MATCH-AMBIGUOUS, MATCH-LAST-NAME, MATCH-TWICE. A stored link comes before all of this:
these functions decide for a unit without a link, from the vendor's answers to two searches (by our external id, and the
exact one). A vendor record that is linked to another unit is no candidate.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile

from etl import errors
from etl.load.job import LoadFinding, entity_of
from etl.load.ledger.links import Link
from etl.units import UnitKey

STORED = "MATCH-STORED"
EXACT = "MATCH-EXACT"
AMBIGUOUS = "MATCH-AMBIGUOUS"
LAST_NAME = "MATCH-LAST-NAME"


@dataclass(frozen=True)
class Adopt:
    """The one vendor record that is this unit; ``case_id`` is None at eMoney; ``rule`` made the match."""

    client_id: str
    case_id: str | None
    rule: str

    def link_of(self, unit_key: str) -> Link:
        """The link to be made; nobody knows yet which couple the record was made for."""
        return Link(unit_key, self.client_id, self.case_id, None, None, None, self.rule)


@dataclass(frozen=True)
class CreateNew:
    """No vendor record is this unit. MATCH-LAST-NAME: there are namesakes (``candidates``), never to be written to."""

    rule: str
    candidates: tuple[str, ...] = ()

    def findings(self, unit_key: str, likeness: str) -> tuple[LoadFinding, ...]:
        """The namesakes, by ids, for the stewards; ``likeness``: what is the same."""
        if not self.candidates:
            return ()
        detail = f"{likeness}: {', '.join(self.candidates[:10])}"
        return (LoadFinding(self.rule, *entity_of(unit_key), None, detail),)


@dataclass(frozen=True)
class Ambiguous:
    """Several records, or several cases, could be this unit: never pick. ``candidates`` are vendor ids."""

    candidates: tuple[str, ...]
    rule: str = AMBIGUOUS


Decision = Adopt | CreateNew | Ambiguous
# Vendor record -> its cases; at eMoney, which has none, one ``None``.
Records = Mapping[str, tuple[str | None, ...]]


def require_clear(decision: Decision, records: str = "records") -> Adopt | CreateNew:
    """The decision. Raises `etl.errors.Ambiguous` with the candidates' ids where several records match."""
    if isinstance(decision, Ambiguous):
        found = decision.candidates
        raise errors.Ambiguous(f"several {records} match: {', '.join(found)}", found)
    return decision


@dataclass(frozen=True)
class Place:
    """A person in a unit: as its client, or as its client's spouse."""

    unit_key: str
    contact_id: int
    is_client: bool


@dataclass(frozen=True)
class Twin:
    """A unit that waits for another, because one person is in both; ``are_linked``: both have a record already."""

    second: Place
    first: Place
    matched_by: str
    are_linked: bool


def decide(keyed: Records, exact: Records, namesakes: Iterable[str], linked_elsewhere: Collection[str]) -> Decision:
    """Which vendor record is the unit: the one with our external id, else the one exact match.

    ``namesakes``: ids of records that match only by name; ``linked_elsewhere``: ids linked to other units.
    """
    for found, rule in ((keyed, STORED), (exact, EXACT)):
        free = {record: cases for record, cases in found.items() if record not in linked_elsewhere}
        if free:
            return _only(free, rule)
    ids = tuple(record for record in namesakes if record not in linked_elsewhere)
    return CreateNew(LAST_NAME if ids else EXACT, ids)


def _only(found: Records, rule: str) -> Decision:
    cases = [(record, case) for record, cases in found.items() for case in cases]
    if len(found) == 1 and len(cases) == 1:
        return Adopt(*cases[0], rule)
    return Ambiguous((*found, *(case for _, case in cases if case is not None)))


def order_of(linked: Collection[str], primary: Collection[str]) -> Callable[[Place], tuple[object, ...]]:
    """MATCH-TWICE: which of several units goes first.

    The linked one; of those that are not, the one that has the person as spouse, then the primary household, then the
    lowest key.
    """

    def rank(place: Place) -> tuple[object, ...]:
        key = place.unit_key
        return key not in linked, place.is_client, key not in primary, UnitKey.parse(key)

    return rank


def decide_twins(
    group: Iterable[Place],
    matched_by: str,
    linked: Collection[str],
    primary: Collection[str],
    apart: Collection[frozenset[int]],
) -> Iterator[Twin]:
    """MATCH-TWICE: the units of one person (``group``) that wait, each with the one that goes.

    ``apart``: pairs of contacts of whom somebody has said that they are two. A unit waits where its client is another
    unit's client or spouse; one that is not linked also where its spouse is the client of one that is. The same contact
    as client here and spouse there is HH-COUPLE-TWICE.
    """
    places = sorted(group, key=order_of(linked, primary))
    waiting: set[str] = set()
    for at, second in enumerate(places):
        is_linked = second.unit_key in linked
        if second.unit_key in waiting or (is_linked and not second.is_client):
            continue
        # The linked ones come first.
        before = islice(places, at) if second.is_client else takewhile(lambda one: one.unit_key in linked, places)
        twins = (one for one in before if _are_twins(second, one, apart) and (second.is_client or one.is_client))
        first = next(twins, None)
        if first is not None:
            waiting.add(second.unit_key)
            yield Twin(second, first, matched_by, is_linked and first.unit_key in linked)


def _are_twins(one: Place, other: Place, apart: Collection[frozenset[int]]) -> bool:
    if one.unit_key == other.unit_key or frozenset((one.contact_id, other.contact_id)) in apart:
        return False
    return one.contact_id != other.contact_id or (one.is_client and other.is_client)
