"""Finding the unit at the vendor (MATCH-STORED, MATCH-EXACT, MATCH-AMBIGUOUS, MATCH-LAST-NAME), and which unit of one
person goes there (MATCH-TWICE). Pure.

The stored link comes before all of this: these functions decide for a unit that has none, from the answers of the
search by our external id and of the exact search. A vendor record that is linked to another unit is no candidate.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from etl import errors
from etl.load.delivery import LoadFinding, entity_of
from etl.load.emoney.responses import FoundClient
from etl.load.ledger.links import Link
from etl.load.profiles.responses import FoundHousehold, SearchResult
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


def decide_profiles(
    by_external_id: SearchResult, exact: SearchResult | None, linked_elsewhere: Collection[str]
) -> Decision:
    """Which household and case is the unit; ``linked_elsewhere`` holds household ids linked to other units.

    ``exact`` may be None where the search by external id has found something (it need not be asked then).
    """
    keyed = _free(by_external_id.households, linked_elsewhere)
    if keyed:
        return _only_case(keyed, STORED)
    candidates = _free(exact.households if exact else (), linked_elsewhere)
    if exact and exact.match_type == "exact" and candidates:
        return _only_case(candidates, EXACT)
    return _create(candidate.household_id for candidate in candidates)


def decide_emoney(
    by_external_id: Iterable[FoundClient],
    by_name: Iterable[FoundClient],
    birth_date: str,
    linked_elsewhere: Collection[str],
) -> Decision:
    """Which client is the unit: ours by external id, else the one of that name with that birth date (YYYY-MM-DD)."""
    keyed = [client for client in by_external_id if client.client_id not in linked_elsewhere]
    if keyed:
        return _only_client(keyed, STORED)
    namesakes = [client for client in by_name if client.client_id not in linked_elsewhere]
    same = [client for client in namesakes if client.birth_date == birth_date]
    return _only_client(same, EXACT) if same else _create(client.client_id for client in namesakes)


def _free(households: Iterable[FoundHousehold], linked_elsewhere: Collection[str]) -> list[FoundHousehold]:
    return [household for household in households if household.household_id not in linked_elsewhere]


def _only_case(households: list[FoundHousehold], rule: str) -> Decision:
    cases = [(household.household_id, case.case_id) for household in households for case in household.cases]
    if len(households) == 1 and len(cases) == 1:
        return Adopt(*cases[0], rule)
    return Ambiguous(tuple(household.household_id for household in households) + tuple(case for _, case in cases))


def _only_client(clients: list[FoundClient], rule: str) -> Decision:
    ids = tuple(client.client_id for client in clients)
    return Adopt(ids[0], None, rule) if len(ids) == 1 else Ambiguous(ids)


def _create(candidates: Iterable[str]) -> CreateNew:
    ids = tuple(candidates)
    return CreateNew(LAST_NAME if ids else EXACT, ids)


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
