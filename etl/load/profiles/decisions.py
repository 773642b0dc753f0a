"""Decisions of persons, as the merge and the write go by them: for which side, and what became of each."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etl.load.http.strict_json import canonical
from etl.load.ledger.desk.decisions import FieldDecision, carried, ended
from etl.load.ledger.pins import Side
from etl.load.ledger.store import Ledger
from etl.load.ledger.writer import Write
from etl.load.profiles.document import FlatDocument, Path, flatten, leaf_at
from etl.load.profiles.field_paths import read_path
from etl.load.profiles.pins import Pins


def value_hash(path: Path, value: Any) -> str:
    """The hash of a field's value; two values that mean the same have the same."""
    return hashlib.sha256(canonical(value, leaf_at(path).is_set).encode()).hexdigest()


@dataclass(frozen=True)
class Decided:
    """The decisions that stand on one case, by path."""

    by_path: Mapping[Path, FieldDecision] = field(default_factory=dict)

    @classmethod
    def on(cls, case_id: str, decisions: Iterable[FieldDecision]) -> Decided:
        """Those of these decisions that are about this case."""
        return cls({read_path(one.field): one for one in decisions if one.vendor_case_id == case_id})

    def side(self, path: Path, theirs: Any, ours: Any) -> Side | None:
        """For which side a person has decided between these two values, if for any."""
        one = self.by_path.get(path)
        return one.side if one is not None and _is_about(one, path, theirs, ours) else None

    def without(self, done: Iterable[Sequence[Any]]) -> Decided:
        """All but those that a write went by: (id, field)."""
        ids = {decision_id for decision_id, _field in done}
        return Decided({path: one for path, one in self.by_path.items() if one.decision_id not in ids})

    def among(self, fields: Collection[str]) -> list[list[Any]]:
        """id and field of the decisions on these fields, for the intent of a write."""
        return [[one.decision_id, one.field] for one in self.by_path.values() if one.field in fields]

    def outcomes(
        self,
        ledger: Ledger,
        run_id: str,
        both: tuple[FlatDocument, FlatDocument],
        written: Collection[str],
        pins: Pins,
    ) -> Iterator[Write]:
        """What became of each decision in a load, to be committed.

        ``both``: the case before the load, and ours; ``written``: the fields that the load has written.
        """
        theirs, ours = both
        for path, one in self.by_path.items():
            there, here = theirs.get(path), ours.get(path)
            if one.field in written:
                yield ended(ledger, one.decision_id, "written", run_id)
            elif pins.side(path) is not None or not _is_about(one, path, there, here):
                is_agreed = value_hash(path, there) == value_hash(path, here)
                yield ended(ledger, one.decision_id, "agreed" if is_agreed else "lapsed", run_id)
            elif one.side == "profiles" and one.carried_run is None:
                yield carried(ledger, one.decision_id, run_id)


UNDECIDED = Decided()


def settled(ledger: Ledger, run_id: str, values: Mapping[str, Any], theirs: FlatDocument) -> Iterator[Write]:
    """What became of the decisions that a write without an answer went by, to be committed. ``theirs``: the case now.

    Where the case does not hold the value, nobody knows whether it ever did: the decision lapses and is asked again. So
    it is carried out at most once. ``values``: of the write's intent.
    """
    intended = flatten(values["base"])
    for decision_id, name in values.get("decided", ()):
        path = read_path(name)
        is_there = value_hash(path, theirs.get(path)) == value_hash(path, intended.get(path))
        yield ended(ledger, decision_id, "written" if is_there else "lapsed", run_id)


def _is_about(one: FieldDecision, path: Path, theirs: Any, ours: Any) -> bool:
    return (one.theirs_hash, one.ours_hash) == (value_hash(path, theirs), value_hash(path, ours))
