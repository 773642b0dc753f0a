"""What a run has written, as the ledger knows it, and the undos of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger import intents
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import send_again
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.story import UNDO
from etl.load.ledger.tables import field_change, link, outcome, run, unit_state
from etl.load.ledger.writer import remove

VENDOR = "profiles"


def unfinished_undo(ledger: Ledger, run_id: str, unit_key: str | None) -> str | None:
    """The undo of the same run and unit that was begun and stopped before its end, if there is one."""
    return next(iter(_undos(ledger, run_id, [unit_key], run.c.status == "running")), None)


def finished_undos(ledger: Ledger, run_id: str, unit_key: str | None) -> list[str]:
    """The undos of the same run and unit that put something back at Profiles, the latest first; no dry runs."""
    went_back = sa.exists().where(
        field_change.c.run_id == run.c.run_id,
        field_change.c.vendor == VENDOR,
        field_change.c.decision.in_(("written", "added", "taken_out")),
    )
    # An undo of the whole run is one of each of its units.
    return _undos(ledger, run_id, [None, unit_key], run.c.dry_run.is_(False), run.c.status != "running", went_back)


def _undos(
    ledger: Ledger, run_id: str, unit_keys: Sequence[str | None], *conditions: sa.ColumnElement[bool]
) -> list[str]:
    """The undos of a run for one of these units (None: of the whole run), the latest first."""
    begun = sa.select(run.c.run_id, run.c.params).where(run.c.dag_id == UNDO, *conditions)
    found = ledger.mapping(begun.order_by(run.c.started_at.desc()))
    params = {undo_id: json.loads(text or "{}") for undo_id, text in found.items()}
    return [key for key, one in params.items() if one.get("undo_of") == run_id and one.get("unit_key") in unit_keys]


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
    return set(ledger.column(sa.select(outcome.c.unit_key).where(outcome.c.run_id == run_id)))


def written_elsewhere(ledger: Ledger, run_id: str, vendor: str) -> dict[str, int]:
    """unit -> how many fields the run wrote at a vendor that has no undo."""
    done = ("written", "added", "linked")
    mine = (*matching(field_change, run_id=run_id, vendor=vendor), field_change.c.decision.in_(done))
    counted = sa.select(field_change.c.unit_key, sa.func.count()).where(*mine).group_by(field_change.c.unit_key)
    ended = (*matching(outcome, run_id=run_id, vendor=vendor), outcome.c.outcome.in_(("created", "updated")))
    units = ledger.column(sa.select(outcome.c.unit_key).where(*ended))
    return dict.fromkeys(units, 0) | ledger.mapping(counted)


def confirm(ledger: Ledger, intent: Intent, unit_key: str) -> None:
    """An undo's write is at the vendor: the next night merges the case again, even where its data did not change."""
    ledger.commit(
        intents.marked(ledger, intent, "confirmed"),
        send_again(VENDOR, unit_key, part="case"),
        remove(unit_state, vendor=VENDOR, unit_key=unit_key),
    )
