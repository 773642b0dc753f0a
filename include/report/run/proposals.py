"""What a life event asks people to decide: who goes where, and what has no clear owner. Names stand here alone."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PersonGoes:
    """Somebody of the couple as it was or as it is: what the vendor has of them, and where they go."""

    contact_id: int
    name: str
    was: str
    goes: str


@dataclass(frozen=True)
class RecordGoes:
    """An account, policy or liability of one of them (``account:5``), and with whom it goes."""

    source_key: str
    label: str
    contact_id: int
    goes: str
    is_clear: bool


@dataclass(frozen=True)
class Proposal:
    """One unit's event at one vendor: ``what`` happened, ``in_short`` (ids alone), the vendor's ``steps`` in words.

    ``then``: by hand afterwards, for a former partner who does not go along, as a run's conf; ``reason``: with which
    somebody confirmed it.
    """

    vendor: str
    unit_key: str
    kind: str
    what: str
    in_short: str
    steps: tuple[str, ...]
    people: tuple[PersonGoes, ...]
    records: tuple[RecordGoes, ...]
    then: tuple[str, ...] = ()
    is_confirmed: bool = False
    reason: str = ""

    @property
    def unclear(self) -> tuple[RecordGoes, ...]:
        """What nobody but a person can give to somebody."""
        return tuple(record for record in self.records if not record.is_clear)

    @property
    def clear(self) -> tuple[RecordGoes, ...]:
        """What goes with its owner."""
        return tuple(record for record in self.records if record.is_clear)

    def as_json(self) -> dict[str, Any]:
        """For a staged file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Proposal":
        """The reverse of `as_json`."""
        people = tuple(PersonGoes(**one) for one in value["people"])
        records = tuple(RecordGoes(**one) for one in value["records"])
        lists = {name: tuple(value[name]) for name in ("steps", "then")}
        return cls(**{**value, **lists, "people": people, "records": records})


def together(proposals: Iterable[Proposal]) -> list[list[Proposal]]:
    """The proposals that differ by their vendor alone, side by side; in the order of their units."""
    groups: dict[Any, list[Proposal]] = {}
    for one in sorted(proposals, key=lambda one: (len(one.unit_key), one.unit_key, one.vendor != "profiles")):
        same = one.unit_key, one.what, one.is_confirmed, one.people, one.records
        groups.setdefault(same, []).append(one)
    return list(groups.values())
