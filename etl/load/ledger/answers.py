"""What a run asked a person, and the answer: who chose which of the vendor's records, and when.

A question that nobody answered in time is kept as ``timed_out``; that is no refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from etl.load.ledger.store import Ledger, columns, matching, pack
from etl.load.ledger.tables import answer


@dataclass(frozen=True)
class Answer:
    """A question and its answer. ``status``: asked, answered, mistaken, timed_out; ``shown``: ids to choose from."""

    status: str
    shown: Any
    asked_at: datetime
    choice: str | None = None
    household_id: str | None = None
    case_id: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


def ask(ledger: Ledger, run_id: str, vendor: str, unit_key: str, shown: Any) -> None:
    """Notes that somebody is asked, and what can be chosen; an answer to an earlier try of the run becomes void."""
    row = {
        "run_id": run_id, "vendor": vendor, "unit_key": unit_key, "shown": pack(shown), "asked_at": ledger.now(),
        "status": "asked", "choice": None, "household_id": None, "case_id": None, "answered_by": None,
        "answered_at": None,
    }  # fmt: skip
    ledger.save(answer, [row])


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
    """Keeps a person's answer, even one that cannot be carried out; ``answered_at`` is UTC without a zone."""
    status = "mistaken" if is_mistaken else "answered"
    _close(
        ledger, run_id, vendor, unit_key, status=status, choice=choice, household_id=household_id, case_id=case_id,
        answered_by=answered_by, answered_at=answered_at,
    )  # fmt: skip


def time_out(ledger: Ledger, run_id: str, vendor: str, unit_key: str) -> None:
    """Nobody answered in time."""
    _close(ledger, run_id, vendor, unit_key, status="timed_out")


def _close(ledger: Ledger, run_id: str, vendor: str, unit_key: str, **values: Any) -> None:
    mine = matching(answer, run_id=run_id, vendor=vendor, unit_key=unit_key)
    ledger.execute(sa.update(answer).where(*mine).values(**values))


def is_mistaken(ledger: Ledger, run_id: str) -> bool:
    """Whether a run got an answer that cannot be carried out."""
    return bool(
        ledger.rows(sa.select(answer.c.unit_key).where(answer.c.run_id == run_id, answer.c.status == "mistaken"))
    )


def find_answer(ledger: Ledger, run_id: str, vendor: str, unit_key: str) -> Answer | None:
    """What a run asked about a unit; None where it asked nothing."""
    mine = matching(answer, run_id=run_id, vendor=vendor, unit_key=unit_key)
    return ledger.find_as(Answer, sa.select(*columns(Answer, answer)).where(*mine))
