"""Decisions of persons between the CRM and an edit in Profiles, field by field.

A decision is about two values, which it knows by their hashes: the one at Profiles and the one in the CRM. For the
CRM's side the next load writes the CRM's value, once. For Profiles' side the field stays and is asked no more. Where
either value is another one meanwhile, the decision lapses, and the field is asked again. A pin decides for good
(`etl.load.ledger.pins`).

::

    open ── written     the CRM's value was written
      ├──── agreed      both sides say the same now
      ├──── lapsed      a value has moved since, or the field was pinned
      └──── withdrawn   a person took the decision back
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as value_field
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import ParamsError
from etl.load.bulk import text_list
from etl.load.ledger.links import find_base, send_again
from etl.load.ledger.pins import VENDOR, Side
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import field_change, field_decision, link, open_finding, run
from etl.load.ledger.writer import Write, change

# The rule of a field that Profiles kept.
KEPT = "PROFILES-KEPT"
Ending = Literal["written", "agreed", "lapsed", "withdrawn"]


@dataclass(frozen=True)
class FieldDecision:
    """A decision that stands. ``field``: as `show` names it; ``theirs_hash``: of the value at Profiles."""

    decision_id: int
    unit_key: str
    field: str
    vendor_case_id: str
    side: Side
    theirs_hash: str
    ours_hash: str
    carried_run: str | None


def decide(
    ledger: Ledger,
    connection: Connection,
    unit_key: str,
    field: str,
    side: Side,
    seen: tuple[str, str],
    reason: str,
    by: str,
    at: datetime,
) -> int:
    """Keeps a decision for the unit's case, and has the next load look at the case; gives its id.

    ``seen``: the hashes of the values at Profiles and in the CRM that the person saw. Raises `ParamsError` where the
    unit has no case or a decision on the field stands.
    """
    case_id = connection.execute(
        sa.select(link.c.vendor_case_id).where(*matching(link, vendor=VENDOR, unit_key=unit_key))
    ).scalar()
    if case_id is None:
        raise ParamsError(f"{unit_key} has no case in Profiles any more: there is nothing to decide.")
    mine = (*matching(field_decision, unit_key=unit_key, field=field, vendor_case_id=case_id), _STANDS)
    if connection.execute(sa.select(field_decision.c.decision_id).where(*mine)).first() is not None:
        raise ParamsError(f"A decision on {field} of {unit_key} stands already: the next run goes by it.")
    row = {"unit_key": unit_key, "field": field, "vendor_case_id": case_id, "side": side, "reason": reason}
    hashes = {"theirs_hash": seen[0], "ours_hash": seen[1], "decided_by": by, "decided_at": at}
    made = connection.execute(sa.insert(field_decision).values(**row, **hashes)).inserted_primary_key
    ledger.apply(connection, send_again(VENDOR, unit_key, part="case"))
    assert made is not None
    return int(made[0])


def withdraw(ledger: Ledger, connection: Connection, decision_id: int, at: datetime) -> FieldDecision:
    """Takes a decision back; gives it. Raises `ParamsError` for one that stands no longer."""
    mine = sa.select(*columns(FieldDecision, field_decision)).where(
        *matching(field_decision, decision_id=decision_id), _STANDS
    )
    row = connection.execute(mine).mappings().first()
    if row is None:
        raise ParamsError(f"Decision {decision_id} stands no longer: a run went by it, or it was taken back.")
    ended = sa.update(field_decision).where(*matching(field_decision, decision_id=decision_id))
    connection.execute(ended.values(ending="withdrawn", ended_at=at))
    ledger.apply(connection, send_again(VENDOR, row["unit_key"], part="case"))
    return FieldDecision(**row)


@dataclass(frozen=True)
class Conflict:
    """A field that Profiles kept although the CRM says otherwise, as the last load saw it.

    ``theirs``: at Profiles; ``ours``: in the CRM (both are client data); ``decision``: the one that stands, if any.
    """

    unit_key: str
    field: str
    run_id: str
    as_of: date
    theirs: Any = value_field(repr=False)
    ours: Any = value_field(repr=False)
    has_values: bool = True
    decision: FieldDecision | None = None


def read_conflicts(ledger: Ledger, unit_key: str) -> list[Conflict]:
    """The fields of a unit that stand open as kept, each with the values of the last load that kept it."""
    open_fields = ledger.column(
        sa.select(open_finding.c.field)
        .where(*matching(open_finding, vendor=VENDOR, unit_key=unit_key, rule_id=KEPT))
        .distinct()
    )
    kept = (
        sa.select(field_change, run.c.as_of)
        .join(run, run.c.run_id == field_change.c.run_id)
        .where(*matching(field_change, vendor=VENDOR, unit_key=unit_key, decision="kept"), run.c.dry_run.is_(False))
        .where(field_change.c.field.in_(open_fields))
        .order_by(run.c.started_at)
    )
    last = {row["field"]: row for row in ledger.rows(kept)}
    standing = {one.field: one for one in find_decisions(ledger, [unit_key]).get(unit_key, ())}
    return [
        Conflict(
            unit_key, name, row["run_id"], row["as_of"], unpack(row["before"]), unpack(row["after"]),
            row["before"] is not None, standing.get(name),
        )
        for name, row in sorted(last.items())
    ]  # fmt: skip


def find_base_of(ledger: Ledger, unit_key: str) -> Any:
    """The document that we last wrote into the unit's case; None where there is none."""
    case_id = ledger.first(sa.select(link.c.vendor_case_id).where(*matching(link, vendor=VENDOR, unit_key=unit_key)))
    return None if case_id is None else find_base(ledger, case_id)


def find_decisions(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, list[FieldDecision]]:
    """unit key -> the decisions that stand on any case of it, of those of the units that have any."""
    theirs = field_decision.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    statement = sa.select(*columns(FieldDecision, field_decision)).where(_STANDS, theirs)
    found: dict[str, list[FieldDecision]] = {}
    for one in ledger.read_as(FieldDecision, statement.order_by(field_decision.c.decision_id)):
        found.setdefault(one.unit_key, []).append(one)
    return found


def units_to_look_at(ledger: Ledger) -> set[str]:
    """The units with a decision on their case that no load has gone by (SCP-4)."""
    same = sa.and_(
        link.c.unit_key == field_decision.c.unit_key, link.c.vendor_case_id == field_decision.c.vendor_case_id
    )
    waiting = (
        sa.select(field_decision.c.unit_key)
        .join(link, same)
        .where(link.c.vendor == VENDOR, _STANDS, field_decision.c.carried_run.is_(None))
    )
    return set(ledger.column(waiting))


def carried(ledger: Ledger, decision_id: int, run_id: str) -> Write:
    """A run has gone by a decision, which stands on; to be committed."""
    return change(field_decision, {"decision_id": decision_id}, carried_run=run_id, carried_at=ledger.now())


def ended(ledger: Ledger, decision_id: int, ending: Ending, run_id: str) -> Write:
    """What became of a decision in a run; to be committed."""
    now = ledger.now()
    more = {"carried_run": run_id, "carried_at": now} if ending == "written" else {}
    return change(field_decision, {"decision_id": decision_id}, ending=ending, ended_run=run_id, ended_at=now, **more)


_STANDS = field_decision.c.ended_at.is_(None)
