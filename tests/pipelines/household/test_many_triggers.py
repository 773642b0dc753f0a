"""Many triggers in the same moment, each a process of its own, and a weeknight run among them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context
from typing import Any

import pytest

from etl.errors import RetryLater, StopRun
from etl.load.job import ByHand
from etl.load.ledger import runs
from include.pipelines.household.prepare import prepare_unit
from include.pipelines.refresh.load import load_shard
from include.pipelines.refresh.plan import plan_and_extract
from include.pipelines.refresh.report import report_run
from include.pipelines.refresh.transform import transform_shard
from include.pipelines.refresh.validate import validate_vendor
from include.pipelines.run.context import HandRequest, RunContext, RunRequest
from include.runtime.connections import Connections
from include.runtime.settings import Settings
from tests.run_book import DAY, Book

# tests/pipelines/refresh/test_runs.py has two runs at once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("many_triggers")]

PROCESSES = 6
Surroundings = tuple[dict[str, Any], dict[str, Any]]


def run(request: RunRequest, surroundings: Surroundings) -> str | None:
    """One run from its first stage to its report, in whatever process; gives why it stopped, if it did."""
    settings, connections = surroundings
    context = RunContext(request, Settings(**settings), Connections(connections.get))
    try:
        if request.by_hand is None:
            shards = plan_and_extract(context)
            for number in shards:
                transform_shard(context, number)
            for vendor in request.vendors:
                validate_vendor(context, vendor)
        else:
            prepare_unit(context)
            shards = [0]
        for vendor in request.vendors:
            for number in shards:
                load_shard(context, vendor, number)
    except (StopRun, RetryLater) as error:
        runs.stop_run(context.ledger, request.run_id, "load_profiles 0", str(error))
    try:
        report_run(context)
    except StopRun as error:
        return str(error)
    return None


def by_hand(number: int, household_id: int, vendor: str, action: str, asked_at: datetime) -> RunRequest:
    what = ByHand(action, asked_at=asked_at, lock_wait_seconds=120)
    hand = HandRequest(household_id, None, what)
    run_id = f"{vendor}-{number}"
    return RunRequest(run_id, "household_sync", date.fromisoformat(DAY), (vendor,), by_hand=hand)


def night(run_id: str) -> RunRequest:
    return RunRequest(run_id, "weeknight_refresh", date.fromisoformat(DAY), full=True)


@pytest.fixture
def run_all(book: Book) -> Callable[[Iterable[RunRequest]], None]:
    """Runs all of these at once, in processes that have loaded what is slow."""
    from expectations.gx import open_context

    with open_context():
        pass

    def run_them(requests: Iterable[RunRequest]) -> None:
        given: Surroundings = (book.settings, book.connections)
        with ProcessPoolExecutor(PROCESSES, get_context("fork")) as pool:
            ended = {one.run_id: pool.submit(run, one, given) for one in requests}
            stopped = {run_id: future.result() for run_id, future in ended.items()}
        assert {run_id: why for run_id, why in stopped.items() if why} == {}

    return run_them


def outcomes(book: Book, vendor: str) -> dict[str, Counter[str]]:
    """unit -> how often each outcome was given, by all runs by hand."""
    found: dict[str, Counter[str]] = {}
    with book.context().ledger.read() as connection:
        query = f"SELECT unit_key, outcome FROM outcome_v WHERE vendor = '{vendor}' AND run_id LIKE '{vendor}-%'"
        for unit_key, outcome in connection.exec_driver_sql(query).all():
            found.setdefault(unit_key, Counter())[outcome] += 1
    return found


@pytest.mark.parametrize("each", [1, 3])
def test_none_is_lost_and_none_doubles(book: Book, run_all: Callable[[Iterable[RunRequest]], None], each: int) -> None:
    """``each``: so many households that are known and so many that are new, each triggered twice for each vendor."""
    known, fresh = range(1, each + 1), range(each + 1, 2 * each + 1)
    for household_id in known:
        book.couple(household_id)
    run_all([night("before")])
    book.crm.later(days=1)
    for household_id in known:
        book.crm.update("contact", {"contact_id": household_id * 100 + 1}, job_title="Keeper")
    for household_id in fresh:
        book.couple(household_id)
    before = book.vendors.writes()
    asked_at = datetime.now(UTC).replace(tzinfo=None)
    wanted = [(one, "profiles", "auto") for one in known for _ in range(2)]
    wanted += [(one, "profiles", "create_client_and_case") for one in fresh for _ in range(2)]
    wanted += [(one, "emoney", "auto") for one in (*known, *fresh) for _ in range(2)]
    random.Random(7).shuffle(wanted)
    requests = [by_hand(number, *one, asked_at) for number, one in enumerate(wanted)]
    half = len(requests) // 2
    run_all([*requests[:half], night("meanwhile"), *requests[half:]])

    for vendor, times in (("profiles", 2), ("emoney", 2)):
        found = outcomes(book, vendor)
        assert {key: sum(kinds.values()) for key, kinds in found.items()} == {f"H{n}": times for n in (*known, *fresh)}
        assert {kind for kinds in found.values() for kind in kinds} <= {"created", "updated", "unchanged"}
        for unit_key, kinds in found.items():  # the night may have been the one that wrote
            assert kinds["created"] + kinds["updated"] <= 1 + (vendor == "emoney"), (unit_key, kinds)
    assert len(book.vendors.cases()) == len(book.vendors.clients()) == 2 * each
    wrote = Counter(book.vendors.writes())
    wrote.subtract(before)
    assert wrote["POST /api/households"] == len(fresh), wrote
    assert sum(count for call, count in wrote.items() if call.startswith("PUT /api/cases/")) == len(known), wrote
    assert {case["document"]["clientA"]["jobTitle"] for key, case in book.vendors.cases().items()} == {"Keeper", None}
