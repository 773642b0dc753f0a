"""Runs the corrupted families through the stages up to the gate, and notes which rules find each corruption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from etl.extract.broken_rows import read_strays
from etl.extract.census import take_census
from etl.extract.changes import track
from etl.extract.shard import read_shard
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among
from etl.narrowing import narrow
from etl.schema import FOUND_BY, metadata
from etl.transform.assembly import VendorBatch, assemble
from etl.transform.mapping.columns import SourceColumn
from etl.units import UnitKey
from etl.values import VENDORS, Vendor
from expectations.gate import validate
from include.coverage.book import AS_OF, Rows, family, first_id, number_of, user_name, write
from include.coverage.corruptions import CORRUPTIONS, Case, cases, mapped_columns
from include.coverage.table import FOUND_NOTHING, NO_EFFECT, NOT_SENT, Line

Frames = dict[str, pd.DataFrame]


@dataclass
class Seen:
    """What one vendor's gate made of the families, by number: the rules that each breaks, and what would go of it.

    ``crashed``: families over which a stage broke.
    """

    rules: dict[int, set[str]] = field(default_factory=dict)
    goes: dict[int, list[str]] = field(default_factory=dict)
    crashed: set[int] = field(default_factory=set)

    def add(self, number: int, rule_ids: Iterable[str]) -> None:
        self.rules.setdefault(number, set()).update(rule_ids)


def measure() -> list[Line]:
    """What both gates make of every corruption of every mapped column: the same in each call, in 10 s of a processor.

    A column that is corrupted in several records is found where each corruption that changes something is. Raises
    `ValueError` where the sound family breaks a rule or a stage broke over a family: the figures would mean nothing.
    """
    corrupted = cases()
    seen = look([family(0), *(case.rows for case in corrupted)])
    for vendor, of_vendor in seen.items():
        if of_vendor.rules.get(0) or 0 not in of_vendor.goes or of_vendor.crashed:
            raise ValueError(f"{vendor}: the sound family is not sound, or a stage broke over {of_vendor.crashed}")
    for case in corrupted:
        if _may_stray(case) and has_strays(case.rows):
            for of_vendor in seen.values():
                of_vendor.add(case.number, ["SCP-STRAY"])
    by_way: dict[tuple[str, str, str], list[Case]] = {}
    for case in corrupted:
        by_way.setdefault((case.table, case.column, case.corruption), []).append(case)
    return [
        Line(each.table, each.column, way, *(_result(each, vendor, seen[vendor], of_way) for vendor in VENDORS))
        for each in mapped_columns()
        for way in CORRUPTIONS
        if (of_way := by_way.get((each.table, each.column, way)))
    ]


def _result(each: SourceColumn, vendor: Vendor, seen: Seen, of_way: Sequence[Case]) -> str:
    """The rules that find a corruption in every record; else that it changes nothing, or that nothing finds it."""
    if each.fate(vendor).startswith(NOT_SENT):
        return NOT_SENT
    matter = [case for case in of_way if seen.rules.get(case.number) or seen.goes.get(case.number) != seen.goes[0]]
    if not matter:
        return NO_EFFECT
    if not all(seen.rules.get(case.number) for case in matter):
        return FOUND_NOTHING
    return " ".join(sorted({rule_id for case in matter for rule_id in seen.rules[case.number]}))


def _may_stray(case: Case) -> bool:
    """Whether the cell is a key by which rows are found: whose rows they are is then asked of the whole CRM."""
    return case.column in FOUND_BY[metadata.tables[case.table]]


def look(books: Sequence[Rows]) -> dict[Vendor, Seen]:
    """All families in one CRM, through extract, transform and gate of both vendors."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / "crm.db", books)
        with Snapshot(f"sqlite:///{folder}/crm.db") as snapshot:
            census = take_census(snapshot)
            doubtful = track(snapshot, census).doubtful
            frames = {name: to_frame(rows) for name, rows in read_shard(snapshot, census, census.units.index).items()}
    frames["units"] = frames["units"].assign(**{f"in_{vendor}": True for vendor in VENDORS})
    users = {user_name(number): "planner" for number in range(len(books))}
    seen: dict[Vendor, Seen] = {vendor: Seen() for vendor in VENDORS}
    for vendor, of_vendor in seen.items():
        for unit_key in doubtful["unit_key"]:
            of_vendor.add(_family_of(unit_key), ["SCP-CLOCK"])
        _judge(vendor, of_vendor, frames, users)
    return seen


def has_strays(rows: Rows) -> bool:
    """Whether a CRM of this one family has rows that belong to nobody (SCP-STRAY)."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / "crm.db", [rows])
        with Snapshot(f"sqlite:///{folder}/crm.db", readers=1) as snapshot:
            return len(read_strays(snapshot)) > 0


def _judge(vendor: Vendor, seen: Seen, frames: Frames, users: dict[str, str]) -> None:
    def build(group: Sequence[str]) -> tuple[VendorBatch, Any]:
        mine = frames | {"units": frames["units"][are_among(frames["units"]["unit_key"], group)].reset_index(drop=True)}
        batch = assemble(vendor, mine, AS_OF, vendor_users=users)
        return batch, validate(vendor, batch.facts, group, as_of=AS_OF)

    judged = narrow(frames["units"]["unit_key"].to_list(), build)
    seen.crashed |= {_family_of(unit_key) for unit_key in judged.broken}
    for batch, verdict in judged.results:
        refused = batch.users[batch.users["missing"].notna()].rename(columns={"missing_rule": "rule_id"})
        for found in (verdict.findings, refused, batch.withheld):
            for unit_key, rule_id in zip(found.get("unit_key", ()), found.get("rule_id", ()), strict=True):
                seen.add(_family_of(str(unit_key)), [rule_id])
        for row in batch.documents.itertuples():
            number = _family_of(str(row.unit_key))
            seen.goes.setdefault(number, []).append(_without_ids(vendor, row, first_id(number)))


def _without_ids(vendor: Vendor, row: Any, first: int) -> str:
    """What goes of a unit, with the last two digits alone of each id: those of all families are alike."""
    goes = row.document.decode() + (row.items.decode() if vendor == "emoney" else "")
    return re.sub(rf"{first // 100}(\d\d)", r"#\1", goes)


def _family_of(unit_key: str) -> int:
    return number_of(UnitKey.parse(unit_key).number)
