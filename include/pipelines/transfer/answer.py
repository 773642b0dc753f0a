"""Asks the receiving user, and keeps the answer in the ledger."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from etl.errors import ParamsError
from etl.load.ledger.transfers import transfers
from include.pipelines.transfer import documents
from include.pipelines.transfer.plan import accept_only, read_staged
from include.pipelines.transfer.request import TransferContext, read_ids

log = logging.getLogger(__name__)

# How often a waiting action checks whether the transfer was cancelled.
LOOK_AGAIN = timedelta(minutes=10)
# Airflow needs a moment to ask at all.
SHORTEST_PATIENCE = timedelta(seconds=1)


@dataclass(frozen=True)
class Question:
    """A required action: its text (Markdown; ids, counts, names of offices and users), the user, and its time."""

    subject: str
    body: str
    receiving_user: str
    patience: timedelta


def make_question(context: TransferContext, can_be_answered: bool = True) -> Question | None:
    """The question of a planned transfer; None where nobody is asked: a dry run, nothing to move, an answer given.

    Under ``airflow dags test`` nobody can answer: the transfer ends there.
    """
    request = context.request
    found = transfers.find(context.ledger, request.run_id)
    if request.dry_run or found is None or found.status != "planned":
        return None
    staged = read_staged(context.staging)
    if not staged.moving:
        transfers.answer(context.ledger, request.run_id, "cancelled", None, "there was nothing to move")
        return None
    if not can_be_answered:
        transfers.answer(context.ledger, request.run_id, "cancelled", None, "nobody can accept in a run at a terminal")
        return None
    subject, body = documents.question(context, staged)
    return Question(subject, body, request.receiving_user, read_patience(context) or SHORTEST_PATIENCE)


def read_patience(context: TransferContext) -> timedelta | None:
    """How long to wait before the next look; None: the time is over, or the transfer has ended without an answer."""
    found = transfers.find(context.ledger, context.request.run_id)
    if found is None or found.status != "planned" or found.planned_at is None:
        return None
    left = found.planned_at + context.request.accept_within - context.ledger.now()
    return min(left, LOOK_AGAIN) if left > timedelta(0) else None


def take_answer(context: TransferContext, given: Mapping[str, Any]) -> str | None:
    """Keeps an answer and gives the transfer's status; None where the answer does not count and has to be asked again.

    Only the receiving user can accept: the name is checked here, too, after Airflow.
    """
    request, ledger = context.request, context.ledger
    choice, user = given["choice"], given["user"]
    found = transfers.find(ledger, request.run_id)
    if found is not None and found.status != "planned":
        return found.status  # cancelled meanwhile, or answered by an earlier try of this task
    if choice == "timeout":
        return _end(context, "timed_out", None, "nobody answered in time")
    if user != request.receiving_user:
        log.warning("The answer of %s does not count: only %s can accept.", user, request.receiving_user)
        return None
    if choice == "Reject":
        return _end(context, "rejected", user, f"{user} rejected it")
    if choice != "Accept":
        return None
    try:
        only = read_ids("Only these contacts", given["only"])
        accept_only(context, only)
    except ParamsError as error:
        log.warning("The acceptance cannot be taken: %s", error)
        return None
    return transfers.answer(ledger, request.run_id, "accepted", user).status


def _end(context: TransferContext, status: str, user: str | None, why: str) -> str:
    """Ends the transfer and gives its status: that of an earlier end, where it was cancelled meanwhile."""
    try:
        return transfers.answer(context.ledger, context.request.run_id, status, user, why).status
    except ParamsError:
        found = transfers.find(context.ledger, context.request.run_id)
        return found.status if found is not None else "cancelled"
