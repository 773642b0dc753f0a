"""What the ledger knows of one unit at one vendor, newest first."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from etl.load.ledger import intents, links, pins, undos
from etl.load.ledger.lineage import find_lineage
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.store import Ledger, unpack
from etl.load.ledger.tables import delivery, field_change, life_event, other_case, outcome, run
from etl.load.profiles.document import flatten, show
from etl.load.profiles.pins import Pin
from include.pipelines.refresh.lineage import leaves, read_rows
from include.pipelines.run.value_shape import shape_of
from include.report.display import asked_by
from include.why.origins import TABLES

# Runs that are looked up with one statement.
AT_ONCE = 500
# Outcomes of runs that came to nothing for a unit: what was so before them is so still.
TO_NOTHING = ("failed", "deferred", "skipped")
ENTITIES = {table: entity for entity, table in TABLES.items()}
# The records among the items of a name: ``assets[account:5].holdings[position:9].ticker``.
_RECORDS = re.compile(r"\[([a-z]+:-?\d+)\]")


@dataclass(frozen=True)
class Ran:
    """A run that dealt with the unit, and how the unit ended in it."""

    run_id: str
    dag_id: str
    as_of: date
    started_at: datetime
    requested_by: str  # in whose name, and by whom where that is somebody else
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class Decided:
    """A decision about one field in one run; ``shape``: of the value that the run had for it, blank when it is gone."""

    ran: Ran
    field: str
    decision: str
    shape: str


@dataclass(frozen=True)
class History:
    """``changes``: field -> its decisions, newest first; ``rows``: the recorded lineage, as mappings.

    ``created``: the run that made the linked record, if one of ours did. ``settled``: where the last run came to
    nothing, the same without it and its like; None where no other run dealt with the unit, or none came to nothing.
    """

    vendor: str
    unit_key: str
    runs: list[Ran]
    changes: dict[str, list[Decided]] = field(repr=False)
    sent: dict[str, Sent] = field(repr=False)
    link: Link | None
    rows: list[dict[str, Any]] = field(repr=False)
    recorded_by: str | None
    pins: tuple[Pin, ...]
    created: Ran | None = None
    settled: History | None = field(default=None, repr=False)

    @cached_property
    def sent_values(self) -> dict[str, Any]:
        """name -> the value that was last written (client data: only its shape is ever shown)."""
        bases = {part: sent.base for part, sent in self.sent.items()}
        if self.vendor == "profiles":
            return {show(path): value for path, value in flatten(bases.get("case")).items()}
        items = [{"sourceKey": key, **(item or {})} for key, item in (bases.get("items") or {}).items()]
        document = {"client": bases.get("client") or {}, "spouse": bases.get("spouse"), "items": items}
        return dict(leaves("emoney", document))

    @cached_property
    def shapes(self) -> dict[str, str]:
        """name -> what the value looks like: of what was last sent, else of what was kept back."""
        kept_back = {row["name"]: row["column"] for row in self.rows if row["kind"] == "shape"}
        return kept_back | {name: shape_of(value) for name, value in self.sent_values.items()}

    @cached_property
    def records(self) -> set[str]:
        """The CRM's records that the ledger ties to the unit, such as ``policy:3`` and ``contact:101``."""
        known = {f"{'household' if self.unit_key.startswith('H') else 'contact'}:{self.unit_key[1:]}"}
        if self.link is not None:
            people = (self.link.client_contact_id, self.link.spouse_contact_id)
            known |= {f"contact:{contact_id}" for contact_id in people if contact_id is not None}
        for row in self.rows:
            entity, is_item, _ = str(row["subject"] or "").partition(":")
            named = entity if is_item and row["name"] == "*" else ENTITIES.get(row["table"])
            known |= {row["subject"]} if is_item else set()
            known |= {f"{named}:{int(row['key'])}"} if named and row["key"] is not None else set()
        return known.union(*(_RECORDS.findall(name) for name in (*self.sent_values, *self.shapes, *self.changes)))


def read_history(ledger: Ledger, vendor: str, unit_key: str, until: date | None = None) -> History:
    """Everything about a unit at a vendor, up to the end of a day; its decisions are those about the linked record."""
    link = links.find_link(ledger, vendor, unit_key)
    runs = _about(ledger, vendor, unit_key, link, _runs(ledger, vendor, unit_key, until))
    writers = _writers(ledger, vendor, unit_key)
    begun, created = _beginning(ledger, vendor, unit_key, runs, writers)
    changes = _changes(ledger, vendor, unit_key, [ran for ran in runs if begun is None or ran.started_at >= begun])
    rows, recorded_by = _lineage(ledger, vendor, unit_key, runs)
    whole = History(
        vendor=vendor,
        unit_key=unit_key,
        runs=runs,
        changes=changes,
        sent=links.find_sent(ledger, vendor, unit_key),
        link=link,
        rows=rows,
        recorded_by=recorded_by,
        pins=pins.pins_of(ledger, unit_key) if vendor == "profiles" else (),
        created=created,
    )
    if not runs or runs[0].outcome not in TO_NOTHING:
        return whole
    dealt = {*writers, *(decided.ran.run_id for found in changes.values() for decided in found)}
    settled = [ran for ran in runs if ran.outcome not in TO_NOTHING or ran.run_id in dealt]
    if not settled:
        return whole
    rows, recorded_by = _lineage(ledger, vendor, unit_key, settled)
    # Where its lineage was never recorded or is forgotten, what was recorded since is the nearest to it.
    as_it_was = replace(whole, rows=rows, recorded_by=recorded_by) if recorded_by else whole
    return replace(whole, settled=replace(as_it_was, runs=settled))


def _lineage(ledger: Ledger, vendor: str, unit_key: str, runs: list[Ran]) -> tuple[list[dict[str, Any]], str | None]:
    """What was recorded last by one of these runs, and by which."""
    recorded = find_lineage(ledger, vendor, unit_key, {ran.run_id for ran in runs})
    if recorded is None:
        return [], None
    rows = read_rows(recorded.content, unit_key).to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows], recorded.run_id


def _writers(ledger: Ledger, vendor: str, unit_key: str) -> dict[str, set[str]]:
    """run -> the steps of the unit that it began and the vendor confirmed."""
    mine = (delivery.c.vendor == vendor, delivery.c.unit_key == unit_key, delivery.c.status == "confirmed")
    steps: dict[str, set[str]] = {}
    for row in ledger.rows(sa.select(delivery.c.run_id, delivery.c.step).where(*mine)):
        steps.setdefault(row["run_id"], set()).add(row["step"])
    return steps


def _about(ledger: Ledger, vendor: str, unit_key: str, link: Link | None, runs: list[Ran]) -> list[Ran]:
    """Without the undos that wrote into a case to which the unit is linked no longer."""
    if link is None or not any(ran.dag_id == undos.DAG_ID for ran in runs):
        return runs
    cases: dict[str, set[str]] = {}
    for intent in intents.confirmed_steps(ledger, vendor, unit_key, undos.STEP):
        cases.setdefault(intent.run_id, set()).add(intent.values["case"])
    return [ran for ran in runs if str(link.vendor_case_id) in cases.get(ran.run_id, {str(link.vendor_case_id)})]


def _beginning(
    ledger: Ledger, vendor: str, unit_key: str, runs: list[Ran], writers: dict[str, set[str]]
) -> tuple[datetime | None, Ran | None]:
    """When the run began that gave the unit its record, if one did after others, and that run where it made it."""
    creating = {run_id for run_id, steps in writers.items() if steps.intersection(intents.CREATIONS)}
    created = next((ran for ran in runs if ran.outcome == "created" or ran.run_id in creating), None)
    if vendor != "profiles":
        return created.started_at if created else None, created
    # At Profiles a life event, or whoever chooses, gives the unit another record, which an advisor may have made.
    parted: set[str] = set()
    for table in (life_event, other_case):
        mine = (table.c.vendor == vendor, table.c.unit_key == unit_key)
        parted |= {row["run_id"] for row in ledger.rows(sa.select(table.c.run_id).where(*mine))}
    begun = next((ran for ran in runs if ran is created or ran.run_id in parted), None)
    return (begun.started_at, created if begun is created else None) if begun else (None, None)


def _plain(value: Any) -> Any:
    return None if value is None or value != value or str(value) == "<NA>" else value


def _runs(ledger: Ledger, vendor: str, unit_key: str, until: date | None) -> list[Ran]:
    names = ("run_id", "dag_id", "as_of", "started_at", "requested_by")
    columns = [*(run.c[name] for name in names), run.c.triggered_by, outcome.c.outcome, outcome.c.reason]
    mine = (outcome.c.vendor == vendor, outcome.c.unit_key == unit_key, run.c.dry_run.is_(False))
    statement = sa.select(*columns).join(run, run.c.run_id == outcome.c.run_id).where(*mine)
    if until is not None:
        statement = statement.where(run.c.as_of <= until)
    found = [_ran(**row) for row in ledger.rows(statement)]
    # Of an undo only what it put back says anything about a value.
    found = [ran for ran in found if ran.dag_id != undos.DAG_ID or ran.outcome == "updated"]
    return sorted(found, key=lambda ran: ran.started_at, reverse=True)


def _ran(requested_by: str | None, triggered_by: str | None, **row: Any) -> Ran:
    return Ran(requested_by=asked_by(requested_by, triggered_by), **row)


def _changes(ledger: Ledger, vendor: str, unit_key: str, runs: list[Ran]) -> dict[str, list[Decided]]:
    by_run = {ran.run_id: ran for ran in runs}
    ids = list(by_run)
    changes: dict[str, list[Decided]] = {}
    for start in range(0, len(ids), AT_ONCE):
        mine = (field_change.c.vendor == vendor, field_change.c.unit_key == unit_key)
        chosen = sa.select(field_change).where(*mine, field_change.c.run_id.in_(ids[start : start + AT_ONCE]))
        rows = sorted(ledger.rows(chosen), key=lambda row: by_run[row["run_id"]].started_at, reverse=True)
        for row in rows:
            is_known = row["decision"] not in ("added", "conflict") and row["after"] is not None
            shape = shape_of(unpack(row["after"])) if is_known else ""
            decided = Decided(by_run[row["run_id"]], row["field"], row["decision"], shape)
            changes.setdefault(row["field"], []).append(decided)
    return changes
