"""Undoes runs of a small book as ``make undo`` does."""

from dataclasses import replace
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.load.job import Payload
from etl.load.ledger import links, runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.profiles.deliver import ProfilesDelivery
from include.pipelines.identity.link_ownership import STAGE as TAKEN_OVER
from include.pipelines.refresh.load import job_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.vendors import profiles_client
from include.pipelines.undo.undoing import Undone, request_of, undo_run
from tests.load.delivering import deliver_one
from tests.run_book import DAY, Book


def undo(book: Book, run_id: str, unit_key: str | None = None, dry_run: bool = False) -> Undone:
    return undo_run(undo_context(book, dry_run), run_id, unit_key)


def undo_context(book: Book, dry_run: bool = False) -> RunContext:
    """A context of its own, with a ledger of its own: an undo is another process."""
    context = book.context()
    made = replace(context, request=request_of("ann", "America/New_York", dry_run))
    book.contexts.append(made)
    return made


def send(book: Book, run_id: str, *payloads: Payload, as_of: str = DAY) -> None:
    """A run that sends these households to Profiles, without the stages before the load."""
    context = book.context(as_of, run_id)
    request = context.request
    runs.start_run(context.ledger, run_id, request.dag_id, request.as_of, None, False, {})
    nobody = pd.DataFrame({"unit_key": [], "known_as": []}, dtype="str")
    context.staging.write(f"{TAKEN_OVER}/profiles", {"units": nobody})
    client, job = profiles_client(context), job_of(context, "profiles")
    delivered = [deliver_one(ProfilesDelivery(client), job, payload) for payload in payloads]
    runs.save_outcomes(context.ledger, run_id, [one.outcome for one in delivered])
    close_run(context.ledger, run_id, Closing("success"))
    assert {one.outcome.outcome for one in delivered} <= {"created", "updated", "unchanged"}


def ended(undone: Undone, vendor: str = "profiles") -> dict[str, str]:
    return {one.unit_key: one.outcome for one in undone.outcomes if one.vendor == vendor}


def decided(undone: Undone) -> set[tuple[str, str, str]]:
    return {(unit_key, change.field, change.decision) for unit_key, change in undone.changes}


def documents(book: Book) -> dict[str, Any]:
    return {key: case["document"] for key, case in book.vendors.cases().items()}


def base(book: Book, unit_key: str) -> Any:
    return links.find_sent(book.contexts[-1].ledger, "profiles", unit_key)["case"].base


def view(book: Book, name: str, **condition: Any) -> list[dict[str, Any]]:
    where = " AND ".join(f"{column} = :{column}" for column in condition) or "1 = 1"
    with book.contexts[-1].ledger.read() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM {name} WHERE {where}"), condition)
        return [dict(row) for row in rows.mappings()]
