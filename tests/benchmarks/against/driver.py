"""Runs inside one build, with its environment: does what it is asked on standard input, a line of JSON each.

It is the same file for both builds, so it names only what both have: the stages of a weeknight run, wherever they lie,
and the build's own ``tests/benchmarks``, which fills in the state after a first night. Each stage runs in forks of this
process, which has loaded the slow libraries, as Airflow's workers are forks of its scheduler. CPU and peak memory are
those that the kernel counts for the forks: neither the sandboxes nor this process are in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

AS_OF = date(2026, 11, 20)
CORES = 2
VENDORS = ("profiles", "emoney")
LOOK_SECONDS = 0.2
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER")


def place(*modules: str) -> Any:
    """The first of these modules that the build has."""
    for name in modules:
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if not (error.name and name.startswith(error.name)):
                raise
    raise SystemExit(f"This build has none of {', '.join(modules)}: it is too old or too new for this benchmark.")


class Office:
    """One office at this build: its CRM, its data folder, its sandboxes, which run until it is closed."""

    def __init__(self, folder: str, crm: str, ledger: str | None = None) -> None:
        self.harness = place("tests.benchmarks.harness")
        self.harness.FOLDER = Path(folder)
        self.bench = self.harness.Bench(0, office=crm)
        shutil.rmtree(folder, ignore_errors=True)
        self.bench.folder.mkdir(parents=True)
        self.harness.make_keys()
        self.ledger = ledger
        self.stack = ExitStack()
        self.stack.enter_context(self.harness.sandboxes(self.bench))

    def context(self, run_id: str, day: int, **request: Any) -> Any:
        """A run over this office, everybody enrolled, no guard in the way."""
        of_run = place("include.pipelines.run.context", "include.refresh.context")
        made = self.bench.context(run_id, AS_OF + timedelta(days=day), **request)
        if self.ledger is None:
            return made
        parts = self.ledger.removeprefix("postgresql://").replace("@", ":").replace("/", ":").split(":")
        login, password, host, port, schema = parts
        ledger = SimpleNamespace(
            conn_type="postgres", host=host, port=int(port), login=login, password=password, schema=schema,
            extra_dejson={},
        )  # fmt: skip
        find = made.connections._find  # the harness of either build gives no ledger
        connections = type(made.connections)(lambda name: ledger if name == "ledger" else find(name))
        return of_run.RunContext(made.request, made.settings, connections)


# By stage the modules that may have it, and its function: it takes the context, then a shard or a vendor.
STAGES = {
    "extract": ("include.pipelines.refresh.plan", "include.refresh.plan", "plan_and_extract"),
    "transform": ("include.pipelines.refresh.transform", "include.refresh.transform", "transform_shard"),
    "gate": ("include.pipelines.refresh.validate", "include.refresh.validate", "validate_vendor"),
    "load": ("include.pipelines.refresh.load", "include.refresh.load", "load_shard"),
    "report": ("include.pipelines.refresh.report", "include.refresh.report", "report_run"),
}


def run(office: Office, night: str, day: int, wanted: list[str], shards: list[int], request: dict[str, Any]) -> Any:
    """Some stages of a night; gives by stage CPU seconds, peak memory of a process and of all together (MiB)."""
    figures: dict[str, dict[str, float]] = {}
    for name in wanted:
        results, figures[name] = in_forks(works(office, name, lambda: office.context(night, day, **request), shards))
        if name == "extract":
            shards = list(results[0])
    return {"stages": figures, "shards": shards}


def works(office: Office, name: str, context: Callable[[], Any], shards: list[int]) -> list[Callable[[], Any]]:
    """What a stage runs side by side. Context and modules are made in the fork, as in a task of Airflow."""
    if name == "fill":
        return [lambda: place("tests.benchmarks.nights")._fill(office.bench, context(), shards)]
    *modules, function = STAGES[name]
    given: dict[str, list[tuple[Any, ...]]] = {
        "transform": [(number,) for number in shards],
        "gate": [(vendor,) for vendor in VENDORS],
        "load": [(vendor, number) for number in shards for vendor in VENDORS],
    }

    def call(words: Any) -> Any:
        return getattr(place(*modules), function)(context(), *words)

    return [lambda words=words: call(words) for words in given.get(name, [()])]


def in_forks(works: list[Callable[[], Any]]) -> tuple[list[Any], dict[str, float]]:
    """Each work in a fork, as many at once as there are cores; raises `SystemExit` where one fails."""
    waiting = list(enumerate(works))
    running: dict[int, tuple[int, int]] = {}
    results: dict[int, Any] = {}
    cpu = largest = together = commits = 0.0
    while waiting or running:
        while waiting and len(running) < CORES:
            at, work = waiting.pop(0)
            reader, writer = os.pipe()
            pid = os.fork()
            if not pid:
                _end(work, writer)
            os.close(writer)
            running[pid] = (at, reader)
        together = max(together, sum(map(_proportional_mib, running)))
        pid, status, usage = os.wait4(-1, os.WNOHANG) if running else (0, 0, None)
        if not pid or pid not in running or usage is None:
            time.sleep(LOOK_SECONDS)
            continue
        at, reader = running.pop(pid)
        with os.fdopen(reader, "rb") as stream:
            answer = stream.read()
        if status:
            raise SystemExit(f"A stage failed in {Path.cwd()}: its error stands above.")
        results[at], counted = pickle.loads(answer)  # from our own fork
        cpu, commits = cpu + usage.ru_utime + usage.ru_stime, commits + counted
        largest = max(largest, usage.ru_maxrss / 1024)
    figures = {"cpu": cpu, "largest_mib": largest, "together_mib": together, "commits": commits}
    return [results[at] for at in range(len(works))], figures


def _end(work: Callable[[], Any], writer: int) -> None:
    """In the fork: the work, its result to the pipe, and no return. A small result: it has to fit into the pipe."""
    status = 1
    try:
        counter = Commits()
        result = work()
        with os.fdopen(writer, "wb") as stream:
            stream.write(pickle.dumps((result if isinstance(result, list) else None, counter.count)))
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _proportional_mib(pid: int) -> float:
    """What forks share is counted once."""
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open() as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0


class Commits:
    """Counts the transactions of a SQLite ledger that wrote something, whoever began them in this process."""

    def __init__(self) -> None:
        self.count = 0
        original = sqlite3.connect

        def connect(database: Any, *given: Any, **named: Any) -> Any:
            connection = original(database, *given, **named)
            if "ledger" in str(database):
                connection.set_trace_callback(self._tracer())
            return connection

        sqlite3.connect = sqlite3.dbapi2.connect = connect

    def _tracer(self) -> Callable[[str], None]:
        is_open = wrote = False

        def trace(statement: str) -> None:
            nonlocal is_open, wrote
            word = statement.lstrip().split(None, 1)[0].upper().rstrip(";") if statement.strip() else ""
            writes = word in WRITES
            if (word == "COMMIT" and wrote) or (writes and not is_open):
                self.count += 1
            is_open = word == "BEGIN" or (is_open and word not in ("COMMIT", "ROLLBACK"))
            wrote = is_open and (wrote or writes)

        return trace


def change(crm: str, percent: float, seed: int, day: int) -> list[str]:
    """Changes the office; gives the keys of the changed units."""
    now = datetime.combine(AS_OF + timedelta(days=day), datetime.min.time(), UTC).replace(tzinfo=None)
    changes = place("tests.demo.changes", "include.demo.changes")
    changed: list[str] = changes.change_office(f"sqlite:///{crm}", percent, seed, now)
    return changed


def left(office: Office, run_id: str, day: int) -> dict[str, Any]:
    """`left_behind`, from a fork: this process opens no ledger."""
    ((found,),), _ = in_forks([lambda: [left_behind(office, run_id, day)]])
    return dict(found)


def left_behind(office: Office, run_id: str, day: int) -> dict[str, Any]:
    """What a night left: its outcomes, the digest of its feed, and the size of the ledger."""
    context = office.context(run_id, day)
    read_outcomes = place("etl.load.ledger.runs").read_outcomes
    outcomes = read_outcomes(context.ledger, run_id)
    counts = outcomes.groupby(["vendor", "outcome"]).size()
    with sqlite3.connect(office.bench.folder / "emoney.db") as connection:
        feeds = connection.execute("SELECT digest, lines FROM feeds ORDER BY feed_number DESC LIMIT 1").fetchone()
    found: dict[str, Any] = {
        "outcomes": {f"{vendor}: {outcome}": int(count) for (vendor, outcome), count in counts.items()},
        "units": hashlib.sha256(outcomes[["vendor", "unit_key", "outcome"]].sort_values(["vendor", "unit_key"])
                                .to_csv(index=False).encode()).hexdigest(),
        "feed": [feeds[0].hex(), feeds[1]] if feeds else None,
    }  # fmt: skip
    return found | (ledger_size(office.bench.folder / "data" / "ledger.db") if office.ledger is None else {})


def ledger_size(path: Path) -> dict[str, int]:
    """Rows of all tables, and bytes that are in use."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        rows = sum(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in tables)
        pages, free, size = (
            connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
        )
    return {"ledger_rows": rows, "ledger_bytes": (pages - free) * size}


def main() -> None:
    """Answers each line of standard input with a line of JSON on standard output."""
    # What the build prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path.cwd()))
    place("tests.benchmarks.warm")
    office: Office | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        what = asked.pop("do")
        answer: Any = None
        if what == "open":
            if office is not None:
                office.stack.close()
            office = Office(**asked)
        elif what == "change":
            answer = change(**asked)
        else:
            assert office is not None
            answer = {"run": run, "left": left}[what](office, **asked)
        print(json.dumps(answer), file=answers, flush=True)
    if office is not None:
        office.stack.close()


if __name__ == "__main__":
    main()
