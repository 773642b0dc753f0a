"""Many triggers within a second for few households, and a weeknight run among them, through a real scheduler.

Every run has to end with one outcome, and each vendor to hold each household once. Prints its figures as JSON. The
argument is the number of triggers; each household is asked for four times, twice at each vendor.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tests.conftest  # noqa: F401  # the environment of tests: nothing of the shell's settings
from tests.end_to_end.live import DAG, Live, running

NIGHT = "weeknight_refresh"
WITHIN_SECONDS = 3_600
GOOD = ("created", "updated", "unchanged")


def main(triggers: int) -> dict[str, float]:
    """The storm in an Airflow of its own."""
    with tempfile.TemporaryDirectory(prefix="planbridge-triggers-") as folder, running(Path(folder)) as live:
        return storm(live, triggers)


def storm(live: Live, triggers: int, first: int = 1) -> dict[str, float]:
    """What was sent in how many seconds, when all had ended, what was lost, and what a vendor holds too often.

    ``first``: the number of the first household; all are made here.
    """
    households = range(first, first + triggers // 4)
    for household_id in households:
        live.book.couple(household_id)
    live.user.wait_for_dag(NIGHT)
    started = time.perf_counter()
    runs, sent_seconds = _trigger(live, _wanted(triggers, households))
    accepted_seconds = time.perf_counter() - started
    _wait(live, runs, started)
    return {
        "triggers": triggers,
        "households": len(households),
        "sent_seconds": sent_seconds,
        "accepted_seconds": accepted_seconds,
        "ended_seconds": time.perf_counter() - started,
        "lost": triggers - _ended_well(live, runs),
        "not_there_once": _not_there_once(live, households),
    }


def _wanted(triggers: int, households: range) -> list[dict[str, Any]]:
    wanted: list[dict[str, Any]] = []
    for number in range(triggers):
        vendor = ("profiles", "emoney")[number // len(households) % 2]
        action = {"action": "create_client_and_case"} if vendor == "profiles" else {}
        wanted.append({"household_id": households[number % len(households)], "vendor": vendor, **action})
    random.Random(3).shuffle(wanted)
    return wanted


def _trigger(live: Live, wanted: list[dict[str, Any]]) -> tuple[list[str], float]:
    """All at once, the night in the middle; gives all runs, and the seconds until the last had left."""
    started = time.perf_counter()
    left: list[float] = []

    def call(trigger: Callable[[], str]) -> str:
        left.append(time.perf_counter() - started)
        return trigger()

    calls: list[Callable[[], str]] = [lambda conf=conf: live.sync(**conf) for conf in wanted]
    calls.insert(len(calls) // 2, lambda: live.user.trigger(NIGHT, {"full": True}, NIGHT))
    with ThreadPoolExecutor(len(calls)) as pool:
        runs = list(pool.map(call, calls))
    return runs, max(left)


def _wait(live: Live, runs: list[str], started: float) -> None:
    counted = f"SELECT state, count(*) AS n FROM dag_run WHERE run_id IN ({', '.join('?' * len(runs))}) GROUP BY state"
    while time.perf_counter() - started < WITHIN_SECONDS:
        states = {row["state"]: row["n"] for row in live.airflow_rows(counted, *runs)}
        if sum(states.values()) == len(runs) and states.keys() <= {"success", "failed"}:
            return
        print(f"{time.perf_counter() - started:5.0f} s: {states}", file=sys.stderr)
        time.sleep(10)
    raise SystemExit(f"After {WITHIN_SECONDS} seconds some runs have not ended.")


_GOOD_RUNS = "SELECT run_id FROM dag_run WHERE dag_id = ? AND state = 'success'"


def _ended_well(live: Live, runs: list[str]) -> int:
    """The runs by hand that Airflow calls a success and that have one outcome, and a good one, in the ledger."""
    outcomes: dict[str, list[str]] = {}
    for row in live.rows("SELECT run_id, outcome FROM outcome_v"):
        outcomes.setdefault(row["run_id"], []).append(row["outcome"])
    good = {row["run_id"] for row in live.airflow_rows(_GOOD_RUNS, DAG)}
    return sum(run in good and len(outcomes.get(run, ())) == 1 and outcomes[run][0] in GOOD for run in runs)


def _not_there_once(live: Live, households: range) -> int:
    """Of all households at both vendors those that are not there, or more than once."""
    at_profiles = [one["externalSourceId"] for one in live.vendors.profiles.state()["households"] for _ in one["cases"]]
    at_emoney = [one["client"]["externalId"] for one in live.vendors.emoney.state()["clients"]]
    return sum(at_profiles.count(f"household:{n}") != 1 for n in households) + sum(
        at_emoney.count(f"contact:{n}01") != 1 for n in households
    )


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
