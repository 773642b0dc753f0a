"""Proposals for life events: who goes where, and which records have no clear owner. Only these hold names."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PersonGoes:
    """A person of the old or the new couple: their role at the vendor so far, and the unit that they go to."""

    contact_id: int
    name: str
    was: str
    goes: str


@dataclass(frozen=True)
class RecordGoes:
    """An account, policy or liability of such a person (``account:5``), and whom it goes with."""

    source_key: str
    label: str
    contact_id: int
    goes: str
    is_clear: bool


@dataclass(frozen=True)
class Proposal:
    """One unit's event at one vendor: ``what`` happened, ``in_short`` (ids only), the vendor's ``steps`` in words.

    ``then``: the confs of further runs by hand, each for a former partner who is not part of this run; ``reason``: the
    reason with which a person confirmed the event.
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
        """The records without a clear owner: a person has to assign them."""
        return tuple(record for record in self.records if not record.is_clear)

    @property
    def clear(self) -> tuple[RecordGoes, ...]:
        """The records that go with their owner."""
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
    """The proposals, ordered by unit; those that differ only by vendor are in one group."""
    groups: dict[Any, list[Proposal]] = {}
    for one in sorted(proposals, key=lambda one: (len(one.unit_key), one.unit_key, one.vendor != "profiles")):
        same = one.unit_key, one.what, one.is_confirmed, one.people, one.records
        groups.setdefault(same, []).append(one)
    return list(groups.values())
