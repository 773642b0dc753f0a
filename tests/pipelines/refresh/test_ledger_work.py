"""What a created or updated unit costs in the ledger: few transactions, few round trips, shared by many units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from etl.load.delivery import VendorDelivery
from etl.load.emoney.deliver import EmoneyDelivery
from etl.load.job import Payload
from etl.load.ledger import runs
from etl.load.ledger.store import Ledger
from etl.load.profiles.deliver import ProfilesDelivery
from include.pipelines.identity.link_ownership import STAGE as TAKEN_OVER
from include.pipelines.refresh.load import _deliver_all, job_of
from include.pipelines.run.vendors import emoney_client, profiles_client
from tests.load.delivering import couple, household
from tests.load.documents import person
from tests.run_book import DAY, Book, Vendors

UNITS = 200
# Before units shared transactions, a created one took 4 to 9 of them and 33 round trips at Profiles, 49 at eMoney.
TRANSACTIONS = 0.3
# Three of these at a write are the question whether the household's lock still stands.
ROUND_TRIPS = 9.0
# PostgreSQL also counts the calls of all machines at eMoney: some permits a question.
PERMITS = 3.0


@dataclass
class Work:
    """What a ledger was asked for: durable transactions, and messages that wait for an answer."""

    transactions: int = 0
    round_trips: int = 0


@contextmanager
def counting(ledger: Ledger) -> Iterator[Work]:
    """Counts a statement, however many rows it is for, a beginning, an end and a check of a connection as one each."""
    work = Work()

    def asked(*_: Any) -> None:
        work.round_trips += 1

    def committed(_: Any) -> None:
        work.transactions += 1
        work.round_trips += 2

    events = (("before_cursor_execute", asked), ("commit", committed))
    for name, count in events:
        sa.event.listen(ledger.engine, name, count)
    sa.event.listen(ledger.engine.pool, "checkout", asked)
    try:
        yield work
    finally:
        for name, count in events:
            sa.event.remove(ledger.engine, name, count)
        sa.event.remove(ledger.engine.pool, "checkout", asked)


def load(book: Book, vendor: str, payloads: list[Payload], as_of: str) -> tuple[Work, dict[str, str]]:
    """Loads these units, without the stages before."""
    context = book.context(as_of)
    request, ledger = context.request, context.ledger
    runs.start_run(ledger, request.run_id, request.dag_id, request.as_of, None, False, {})
    nobody = pd.DataFrame({"unit_key": [], "known_as": []}, dtype="str")
    context.staging.write(f"{TAKEN_OVER}/{vendor}", {"units": nobody})
    to: VendorDelivery = (
        ProfilesDelivery(profiles_client(context)) if vendor == "profiles" else EmoneyDelivery(emoney_client(context))
    )
    with counting(ledger) as work:
        return work, _deliver_all(context, to, job_of(context, vendor), payloads)


def units(vendor: str, phone: str) -> list[Payload]:
    keys = [(f"H{one}", 10 * one, 10 * one + 1) for one in range(1, UNITS + 1)]
    if vendor == "profiles":
        named = {one: {"firstName": "Ann", "lastName": f"Lee{one}", "homePhone": phone} for _, one, _ in keys}
        return [household(key, head, wife, clientA=person(**named[head])) for key, head, wife in keys]
    return [couple(key, head, wife, lastName=f"Lee{head}", homePhone=phone) for key, head, wife in keys]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_created_and_updated_units_share_transactions_and_round_trips(
    vendor: str, database: str, tmp_path: Path, vendors: Vendors, postgres_url: Callable[[], str]
) -> None:
    book = Book(tmp_path, vendors, ledger_url=postgres_url() if database == "postgres" else None)
    for as_of, phone, outcome in ((DAY, "555-0100", "created"), (str(date(2026, 11, 23)), "555-0101", "updated")):
        work, outcomes = load(book, vendor, units(vendor, phone), as_of)
        assert list(outcomes.values()) == [outcome] * UNITS
        assert work.transactions <= TRANSACTIONS * UNITS
        most = ROUND_TRIPS + (PERMITS if (vendor, database) == ("emoney", "postgres") else 0)
        assert work.round_trips <= most * UNITS, work
    assert len(vendors.cases() if vendor == "profiles" else vendors.clients()) == UNITS
    book.close()
