"""What the ledger knows of one unit at one vendor, newest first."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from etl.load.ledger import story
from etl.load.ledger.story import CREATIONS, UNDO, LinkedTo, PinnedField, Rows, UnitRun
from etl.load.profiles.document import flatten, show
from etl.shapes import shape_of
from etl.units import UnitKey
from include.pipelines.run.named_values import named_values
from include.why.fields import TABLES, written_whole

# Outcomes of runs without a result for a unit: what was true before them is still true.
WITHOUT_RESULT = ("failed", "deferred", "skipped")
ENTITIES = {table: entity for entity, table in TABLES.items()}
# The records among the items of a name: ``assets[account:5].holdings[position:9].ticker``.
_RECORDS = re.compile(r"\[([a-z]+:-?\d+)\]")


@dataclass(frozen=True)
class Decided:
    """A run's decision about one field; ``shape``: of the run's value for it, blank where that was removed by age."""

    ran: UnitRun
    decision: str
    shape: str


@dataclass(frozen=True)
class History:
    """``changes``: field -> its decisions, newest first; ``rows``: the recorded lineage, as mappings.

    ``created``: the run that made the linked record, if one of ours did. ``settled``: where the last run had no result
    for the unit, the history without such runs; else None, also where there was no other run.
    """

    vendor: str
    unit_key: str
    runs: list[UnitRun]
    changes: dict[str, list[Decided]] = field(repr=False)
    bases: dict[str, Any] = field(repr=False)
    link: LinkedTo | None
    rows: list[dict[str, Any]] = field(repr=False)
    pins: tuple[PinnedField, ...]
    created: UnitRun | None = None
    settled: History | None = field(default=None, repr=False)

    @cached_property
    def sent_values(self) -> dict[str, Any]:
        """name -> the value that was last written (client data: only its shape is ever shown)."""
        if self.vendor == "profiles":
            return {show(path): value for path, value in flatten(self.bases.get("case")).items()}
        items = [{"sourceKey": key, **(item or {})} for key, item in (self.bases.get("items") or {}).items()]
        document = {"client": self.bases.get("client") or {}, "spouse": self.bases.get("spouse"), "items": items}
        return dict(named_values("emoney", document))

    @cached_property
    def shapes(self) -> dict[str, str]:
        """name -> what the value looks like: of what was last sent, else of what was kept back."""
        kept_back = {row["name"]: row["column"] for row in self.rows if row["kind"] == "shape"}
        return kept_back | {name: shape_of(value) for name, value in self.sent_values.items()}

    @cached_property
    def records(self) -> set[str]:
        """The CRM's records that the ledger ties to the unit, such as ``policy:3`` and ``contact:101``."""
        known = {UnitKey.parse(self.unit_key).external_id}
        if self.link is not None:
            people = (self.link.client_contact_id, self.link.spouse_contact_id)
            known |= {f"contact:{contact_id}" for contact_id in people if contact_id is not None}
        for row in self.rows:
            entity, is_item, _ = str(row["subject"] or "").partition(":")
            named = entity if is_item and row["name"] == "*" else ENTITIES.get(row["table"])
            known |= {row["subject"]} if is_item else set()
            known |= {f"{named}:{row['key']}"} if named and row["key"] is not None else set()
        return known.union(*(_RECORDS.findall(name) for name in (*self.sent_values, *self.shapes, *self.changes)))


def read_history(ledger: Rows, vendor: str, unit_key: str, until: date | None = None) -> History:
    """Everything about a unit at a vendor, up to the end of a day; its decisions are those about the linked record."""
    link = story.find_link(ledger, vendor, unit_key)
    # Of an undo only what it put back says anything about a value.
    dealt = [
        ran
        for ran in story.runs_of_unit(ledger, vendor, unit_key, until)
        if ran.dag_id != UNDO or ran.outcome == "updated"
    ]
    about = _about(ledger, vendor, unit_key, link, dealt)
    writers = story.steps_of_unit(ledger, vendor, unit_key)
    begun, created = _beginning(ledger, vendor, unit_key, about, writers)
    decided = _decided(ledger, vendor, unit_key, [ran for ran in about if begun is None or ran.started_at >= begun])
    rows = story.read_lineage(ledger, vendor, unit_key, {ran.run_id for ran in about})
    whole = History(
        vendor=vendor,
        unit_key=unit_key,
        runs=about,
        changes=decided,
        bases=story.find_bases(ledger, vendor, unit_key),
        link=link,
        rows=rows or [],
        pins=story.pins_of_unit(ledger, unit_key) if vendor == "profiles" else (),
        created=created,
    )
    if not about or about[0].outcome not in WITHOUT_RESULT:
        return whole
    active = {*writers, *(one.ran.run_id for found in decided.values() for one in found)}
    settled = [ran for ran in about if ran.outcome not in WITHOUT_RESULT or ran.run_id in active]
    if not settled:
        return whole
    rows = story.read_lineage(ledger, vendor, unit_key, {ran.run_id for ran in settled})
    # Lineage that was never recorded, or was removed by age, is replaced by the nearest: what was recorded since.
    return replace(whole, settled=replace(whole, runs=settled, rows=whole.rows if rows is None else rows))


def _about(ledger: Rows, vendor: str, unit_key: str, link: LinkedTo | None, dealt: list[UnitRun]) -> list[UnitRun]:
    """Without the undos that wrote into a case to which the unit is linked no longer."""
    if link is None or not any(ran.dag_id == UNDO for ran in dealt):
        return dealt
    cases = story.undone_cases(ledger, vendor, unit_key)
    return [ran for ran in dealt if str(link.vendor_case_id) in cases.get(ran.run_id, {str(link.vendor_case_id)})]


def _beginning(
    ledger: Rows, vendor: str, unit_key: str, about: list[UnitRun], writers: dict[str, set[str]]
) -> tuple[datetime | None, UnitRun | None]:
    """When the run began that gave the unit its record, if one did after others, and that run where it made it."""
    creating = {run_id for run_id, steps in writers.items() if steps.intersection(CREATIONS)}
    created = next((ran for ran in about if ran.outcome == "created" or ran.run_id in creating), None)
    if vendor != "profiles":
        return created.started_at if created else None, created
    # At Profiles a life event, or somebody's choice, gives the unit another record, which an advisor may have made.
    parted = story.runs_with_another_record(ledger, vendor, unit_key)
    begun = next((ran for ran in about if ran is created or ran.run_id in parted), None)
    return (begun.started_at, created if begun is created else None) if begun else (None, None)


def _decided(ledger: Rows, vendor: str, unit_key: str, about: list[UnitRun]) -> dict[str, list[Decided]]:
    """field -> its decisions in these runs, newest first."""
    by_run = {ran.run_id: ran for ran in about}
    found: dict[str, list[Decided]] = {}
    taken = [one for one in story.decisions_of_unit(ledger, vendor, unit_key) if one.run_id in by_run]
    for one in sorted(taken, key=lambda one: by_run[one.run_id].started_at, reverse=True):
        is_known = one.decision not in ("added", "conflict") and one.is_kept
        shape = shape_of(one.after) if is_known else ""
        decided = Decided(by_run[one.run_id], one.decision, shape)
        found.setdefault(written_whole(vendor, one.field), []).append(decided)
    return found
