"""Runs by hand without Airflow: all stages in a row, as its tasks call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from etl.errors import RetryLater, StopRun
from etl.load.job import ByHand
from etl.load.ledger import runs
from include.pipelines.household.prepare import prepare_unit
from include.pipelines.refresh.load import load_shard
from include.pipelines.run.context import HandRequest, RunContext
from tests.run_book import DAY, Book, Ran

NUMBERS = count(1)


def context_of(
    book: Book,
    household_id: int | None = None,
    contact_id: int | None = None,
    vendor: str = "profiles",
    action: str = "auto",
    user_name: str | None = None,
    may_act_for_others: bool = False,
    requested_by: str | None = None,
    triggered_by: str | None = None,
    as_of: str = DAY,
    dry_run: bool = False,
    vendor_household_id: str | None = None,
    **chosen: Any,
) -> RunContext:
    """The context of a run by hand that begins now."""
    what = ByHand(
        **{
            "action": action,
            "household_id": vendor_household_id,
            "asked_at": datetime.now(UTC).replace(tzinfo=None),
            **chosen,
        }
    )
    hand = HandRequest(household_id, contact_id, what, user_name, may_act_for_others)
    run_id = f"by hand {next(NUMBERS)}"
    return book.context(
        as_of,
        run_id,
        vendors=(vendor,),
        dry_run=dry_run,
        by_hand=hand,
        requested_by=requested_by,
        triggered_by=triggered_by,
    )


def as_prepared(book: Book, **wished: Any) -> RunContext:
    """The run by hand that the book's story has put through the gate, with other wishes: the load alone reads these."""
    request = book.last_request
    assert request is not None
    hand = request.hand
    what = replace(hand.what, asked_at=datetime.now(UTC).replace(tzinfo=None), **wished)
    context = replace(book.context(), request=replace(request, by_hand=replace(hand, what=what)))
    book.contexts.append(context)
    return context


def run_by_hand(book: Book, household_id: int | None = None, report: bool = False, **asked: Any) -> Ran:
    """One run to its end; what stopped it is in the ledger and in `Ran.stopped`.

    ``report``: with lineage and pages, for a test that reads them.
    """
    context = context_of(book, household_id, **asked)
    (vendor,) = context.request.vendors
    stages: dict[str, Callable[[RunContext], object]] = {"extract": prepare_unit}
    stages |= {f"load_{vendor} 0": lambda context: load_shard(context, vendor)}
    return _ended(book, context, stages, report)


def carried_out(book: Book, **wished: Any) -> Ran:
    """The run of `as_prepared` from the load to its end."""
    context = as_prepared(book, **wished)
    (vendor,) = context.request.vendors
    return _ended(book, context, {f"load_{vendor} 0": lambda context: load_shard(context, vendor)}, report=False)


def _ended(book: Book, context: RunContext, stages: dict[str, Callable[[RunContext], object]], report: bool) -> Ran:
    for name, stage in stages.items():
        try:
            stage(context)
        except (StopRun, RetryLater) as error:
            runs.stop_run(context.ledger, context.request.run_id, name, str(error))
            break
    return book.report(context, files=report)
