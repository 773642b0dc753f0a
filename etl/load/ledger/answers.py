"""What a run asked a person, and what was answered: by whom, when, and of which of the vendor's records.

A question that nobody answered in time stays in the ledger as just that: it is no refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from etl.load.ledger.store import Ledger, pack, unpack
from etl.load.ledger.tables import answer


@dataclass(frozen=True)
class Answer:
    """A question with its answer: ``status`` asked, answered or timed_out; ``shown`` holds the ids to choose from."""

    status: str
    shown: Any
    asked_at: datetime
    choice: str | None = None
    household_id: str | None = None
    case_id: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


def ask(ledger: Ledger, run_id: str, vendor: str, unit_key: str, shown: Any) -> None:
    """Notes that somebody is asked, and what can be chosen; what an earlier try of the run was answered is void."""
    row = {
        "run_id": run_id, "vendor": vendor, "unit_key": unit_key, "shown": pack(shown), "asked_at": ledger.now(),
        "status": "asked", "choice": None, "household_id": None, "case_id": None, "answered_by": None,
        "answered_at": None,
    }  # fmt: skip
    with ledger.write() as connection:
        ledger.upsert(connection, answer, [row])


def give_answer(
    ledger: Ledger,
    run_id: str,
    vendor: str,
    unit_key: str,
    choice: str,
    household_id: str | None,
    case_id: str | None,
    answered_by: str | None,
    answered_at: datetime,
    is_mistaken: bool = False,
) -> None:
    """Keeps a person's answer, one that cannot be carried out, too; ``answered_at`` is UTC without a zone."""
    status = "mistaken" if is_mistaken else "answered"
    _close(
        ledger, run_id, vendor, unit_key, status=status, choice=choice, household_id=household_id, case_id=case_id,
        answered_by=answered_by, answered_at=answered_at,
    )  # fmt: skip


def time_out(ledger: Ledger, run_id: str, vendor: str, unit_key: str) -> None:
    """Nobody answered in time."""
    _close(ledger, run_id, vendor, unit_key, status="timed_out")


def _close(ledger: Ledger, run_id: str, vendor: str, unit_key: str, **values: Any) -> None:
    mine = (answer.c.run_id == run_id, answer.c.vendor == vendor, answer.c.unit_key == unit_key)
    with ledger.write() as connection:
        connection.execute(sa.update(answer).where(*mine).values(**values))


def is_mistaken(ledger: Ledger, run_id: str) -> bool:
    """Whether a run got an answer that cannot be carried out."""
    return bool(
        ledger.rows(sa.select(answer.c.unit_key).where(answer.c.run_id == run_id, answer.c.status == "mistaken"))
    )


def find_answer(ledger: Ledger, run_id: str, vendor: str, unit_key: str) -> Answer | None:
    """What a run asked about a unit; None where it asked nothing."""
    mine = (answer.c.run_id == run_id, answer.c.vendor == vendor, answer.c.unit_key == unit_key)
    rows = ledger.rows(sa.select(answer).where(*mine))
    if not rows:
        return None
    names = [name for name in Answer.__dataclass_fields__ if name != "shown"]
    return Answer(shown=unpack(rows[0]["shown"]), **{name: rows[0][name] for name in names})
