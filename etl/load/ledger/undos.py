"""What a run has written, as the ledger knows it, and the runs that take it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from etl.errors import ParamsError
from etl.load.bulk import text_list
from etl.load.ledger import intents
from etl.load.ledger.intents import Intent
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import field_change, link, outcome, run, sent, unit_state
from etl.names import near

DAG_ID = "undo"
VENDOR = "profiles"
# The name of its writes.
STEP = "undo_case"


def find_run(ledger: Ledger, run_id: str) -> sa.RowMapping:
    """A run's row. Raises `ParamsError` with near and with the latest runs where there is none of that id."""
    rows = ledger.rows(sa.select(run).where(run.c.run_id == run_id))
    if rows:
        return rows[0]
    latest = [row["run_id"] for row in ledger.rows(sa.select(run.c.run_id).order_by(run.c.started_at.desc()).limit(50))]
    hint = near(run_id, latest) or (f" The latest is {latest[0]}." if latest else " The ledger has no run.")
    raise ParamsError(f"There is no run {run_id}.{hint}")


def unfinished_undo(ledger: Ledger, run_id: str, unit_key: str | None) -> str | None:
    """The undo of just this that was begun and stopped before its end, if there is one."""
    begun = sa.select(run.c.run_id, run.c.params).where(run.c.dag_id == DAG_ID, run.c.status == "running")
    for row in ledger.rows(begun.order_by(run.c.started_at.desc())):
        params = json.loads(row["params"] or "{}")
        if (params.get("undo_of"), params.get("unit_key")) == (run_id, unit_key):
            undo_id: str = row["run_id"]
            return undo_id
    return None


def finished_undos(ledger: Ledger, run_id: str, unit_key: str | None) -> list[str]:
    """The undos of just this that put something back at Profiles, the latest first; no dry runs."""
    went_back = sa.exists().where(
        field_change.c.run_id == run.c.run_id,
        field_change.c.vendor == VENDOR,
        field_change.c.decision.in_(("written", "added", "taken_out")),
    )
    undone = sa.select(run.c.run_id, run.c.params).where(
        run.c.dag_id == DAG_ID, run.c.dry_run.is_(False), run.c.status != "running", went_back
    )
    rows = ledger.rows(undone.order_by(run.c.started_at.desc()))
    told = [(row["run_id"], json.loads(row["params"] or "{}")) for row in rows]
    whole = (None, unit_key)  # an undo of the whole run is one of each of its units
    return [key for key, params in told if params.get("undo_of") == run_id and params.get("unit_key") in whole]


def units_by_case(ledger: Ledger, case_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """case -> the unit to which it is linked now, and the vendor's client."""
    rows = _links(ledger, link.c.vendor_case_id, case_ids)
    return {row["vendor_case_id"]: (row["unit_key"], row["vendor_client_id"]) for row in rows}


def cases_by_unit(ledger: Ledger, unit_keys: Sequence[str]) -> dict[str, str]:
    """unit -> its linked case."""
    rows = _links(ledger, link.c.unit_key, unit_keys)
    return {row["unit_key"]: row["vendor_case_id"] for row in rows if row["vendor_case_id"]}


def _links(ledger: Ledger, key: sa.Column[Any], keys: Sequence[str]) -> Sequence[sa.RowMapping]:
    return ledger.rows(sa.select(link).where(link.c.vendor == VENDOR, key.in_(text_list(ledger.engine, keys))))


def units_dealt_with(ledger: Ledger, run_id: str) -> set[str]:
    """The units that a run had in scope, at either vendor."""
    return {row["unit_key"] for row in ledger.rows(sa.select(outcome.c.unit_key).where(outcome.c.run_id == run_id))}


def written_elsewhere(ledger: Ledger, run_id: str, vendor: str) -> dict[str, int]:
    """unit -> how many fields the run wrote at a vendor that has no undo."""
    done = ("written", "added", "linked")
    mine = (field_change.c.run_id == run_id, field_change.c.vendor == vendor, field_change.c.decision.in_(done))
    counted = sa.select(field_change.c.unit_key, sa.func.count().label("fields")).where(*mine)
    fields = {row["unit_key"]: row["fields"] for row in ledger.rows(counted.group_by(field_change.c.unit_key))}
    ended = (outcome.c.run_id == run_id, outcome.c.vendor == vendor, outcome.c.outcome.in_(("created", "updated")))
    units = {row["unit_key"]: 0 for row in ledger.rows(sa.select(outcome.c.unit_key).where(*ended))}
    return units | fields


def confirm(ledger: Ledger, intent: Intent, unit_key: str) -> None:
    """An undo's write is there: the next night merges the case again, whether its data changed or not, and reports."""
    with ledger.write() as connection:
        intents.mark(ledger, intent, "confirmed", connection)
        connection.execute(
            sa.update(sent)
            .where(sent.c.vendor == VENDOR, sent.c.unit_key == unit_key, sent.c.part == "case")
            .values(offered_hash="")
        )
        connection.execute(
            sa.delete(unit_state).where(unit_state.c.vendor == VENDOR, unit_state.c.unit_key == unit_key)
        )
