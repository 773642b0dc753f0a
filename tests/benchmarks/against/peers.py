"""Peers that do a part of the work, each in a process of its own: CPU seconds without imports.

As a program: ``python peers.py WHICH CRM FOLDER`` does one of them and prints its CPU seconds. dlt and Polars come from
an environment of the benchmark's own; the product never needs them.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.against.measures import Bench
    from tests.benchmarks.against.table import Line

PACKAGES = ("dlt[sql_database,duckdb]==1.31.0", "polars==1.35.2", "pyarrow", "adbc-driver-sqlite")
FIRST_SCRIPT = 200  # households: more take minutes
_ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def _reading(crm: Path) -> Iterator[Callable[[str], Any]]:
    """Reads a table whole by ADBC. In one batch: SQLite's driver takes a column's type from the first one."""
    from adbc_driver_sqlite import dbapi

    whole = {"adbc.sqlite.query.batch_rows": 10_000_000}
    with dbapi.connect(f"file:{crm}?mode=ro") as connection, connection.cursor(adbc_stmt_kwargs=whole) as cursor:

        def read(name: str) -> Any:
            cursor.execute(f'SELECT * FROM "{name}"')
            return cursor.fetch_arrow_table()

        yield read


def limit(crm: Path, folder: Path) -> Callable[[], None]:
    """The physical limit: ADBC reads every table whole and writes the same bytes as Arrow files."""
    from pyarrow import feather

    def work() -> None:
        with _reading(crm) as read:
            for name in _tables(crm):
                feather.write_feather(read(name), str(folder / f"{name}.arrow"), "uncompressed")

    return work


def parquet(crm: Path, folder: Path) -> Callable[[], None]:
    """By hand: ADBC to Parquet, every table."""
    from pyarrow import parquet as pq

    def work() -> None:
        with _reading(crm) as read:
            for name in _tables(crm):
                pq.write_table(read(name), folder / f"{name}.parquet")

    return work


def dlt(crm: Path, folder: Path) -> Callable[[], None]:
    """dlt's ``sql_database`` with Arrow, every table, into DuckDB."""
    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR", DLT_DATA_DIR=str(folder / "dlt"))
    import dlt as library
    from dlt.sources.sql_database import sql_database

    def work() -> None:
        pipeline = library.pipeline(
            "peer", destination=library.destinations.duckdb(str(folder / "dlt.duckdb")), dataset_name="crm",
            pipelines_dir=str(folder / "pipelines"),
        )  # fmt: skip
        source = sql_database(f"sqlite:///{crm}", backend="pyarrow", reflection_level="full", table_names=_tables(crm))
        pipeline.run(source, write_disposition="replace")

    return work


def polars(crm: Path, folder: Path) -> Callable[[], None]:
    """Polars: eMoney's items alone (accounts with their holdings, policies), without rules, receipts or people."""
    import polars as pl

    parquet(crm, folder)()

    def read(name: str) -> Any:
        return pl.scan_parquet(folder / f"{name}.parquet")

    def work() -> None:
        holdings = read("investment_position").group_by("account_id").agg(pl.len().alias("positions"))
        accounts = read("investment_account").join(holdings, on="account_id", how="left").select(
            pl.col("primary_contact_id").alias("contact_id"), pl.format("account:{}", "account_id").alias("key"),
            pl.col("positions").fill_null(0),
        )  # fmt: skip
        policies = read("policy").select(
            pl.col("primary_contact_id").alias("contact_id"), pl.format("policy:{}", "policy_id").alias("key"),
            pl.lit(0, pl.UInt32).alias("positions"),
        )  # fmt: skip
        items = pl.concat([accounts, policies]).group_by("contact_id").agg(pl.struct("key", "positions"))
        items.collect().write_ndjson(folder / "items.ndjson")

    return work


def duckdb(crm: Path, folder: Path) -> Callable[[], None]:
    """By hand in DuckDB's SQL: Profiles' documents of frames that are read already."""
    return _documents("duckdb_documents", folder)


def per_household(crm: Path, folder: Path) -> Callable[[], None]:
    """A careful pandas script, household by household: Profiles' documents of frames that are read already."""
    return _documents("per_household", folder)


def _documents(name: str, folder: Path) -> Callable[[], None]:
    from datetime import date
    from importlib import import_module

    sys.path.insert(0, str(_ROOT))
    module = import_module(f"tests.benchmarks.comparison.{name}")
    return lambda: module.run(folder / "frames", date(2026, 11, 20))


def first_script(crm: Path, folder: Path) -> Callable[[], None]:
    """The usual first script: a query a table and household, a dictionary, a JSON file. Of some households only."""
    import pandas as pd

    by_contact = ("contact_address", "contact_phone", "contact_email")
    by_owner = ("investment_account", "liability", "policy")

    def work() -> None:
        with sqlite3.connect(crm) as connection:
            few = "SELECT * FROM household ORDER BY household_id LIMIT ?"
            wanted = pd.read_sql(few, connection, params=[FIRST_SCRIPT])
            for household in wanted.to_dict("records"):
                number = household["household_id"]
                asked = "SELECT c.* FROM contact c JOIN household_member m USING (contact_id) WHERE m.household_id = ?"
                document: dict[str, Any] = {**household, "people": []}
                for person in pd.read_sql(asked, connection, params=[number]).to_dict("records"):
                    for key, tables in (("contact_id", by_contact), ("primary_contact_id", by_owner)):
                        for table in tables:
                            rows = pd.read_sql(
                                f"SELECT * FROM {table} WHERE {key} = ?", connection, params=[person["contact_id"]]
                            )
                            person[table] = rows.to_dict("records")
                    document["people"].append(person)
                (folder / f"{number}.json").write_text(json.dumps(document, default=str))

    return work


def _tables(crm: Path) -> list[str]:
    with sqlite3.connect(crm) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        return [name for (name,) in found]


WORKS: dict[str, Callable[[Path, Path], Callable[[], None]]] = {
    work.__name__: work for work in (limit, parquet, duckdb, dlt, polars, per_household, first_script)
}


def run(python: Path, which: str, crm: Path, folder: Path, rounds: int) -> float:
    """CPU seconds of a peer, the median of some rounds. Raises `CalledProcessError` where it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-P", __file__, which, str(crm), str(folder)]
    ended = [subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True) for _ in range(rounds)]
    return statistics.median(float(one.stdout.split()[-1]) for one in ended)


def lines(bench: Bench, households: int, ours: dict[str, float]) -> Iterator[Line]:
    """The peers over the small office, beside our stages of the same office."""
    from tests.benchmarks.against.builds import HOME
    from tests.benchmarks.against.table import Line

    crm, folder = bench.office(households), HOME / "work" / "peers"
    shutil.rmtree(folder, ignore_errors=True)
    bench.new.call(bench.new.python, "-c", _FRAMES, crm, folder / "frames")
    theirs = environment(bench)
    yield Line(f"peers, {households:,} households: ours, extract", "s", None, ours["extract"])
    yield Line("  ours, transform of both vendors", "s", None, ours["transform"])
    rows: list[tuple[str, str, Path]] = [
        ("ADBC to Parquet by hand, every table", "parquet", bench.new.python),
        ("dlt sql_database into DuckDB, every table", "dlt", theirs),
        ("Profiles' documents in DuckDB's SQL, frames read already", "duckdb", bench.new.python),
        ("Profiles' documents in pandas per household", "per_household", bench.new.python),
        ("eMoney's items in Polars, simplified", "polars", theirs),
        (f"the usual first script, {FIRST_SCRIPT} households alone", "first_script", bench.new.python),
    ]
    for what, which, python in rows:
        bench.say(f"  {which}")
        yield Line(f"  {what}", "s", None, run(python, which, crm, folder, min(3, bench.rounds)))


def environment(bench: Bench) -> Path:
    """The interpreter with dlt and Polars: an environment of the benchmark's own, made once."""
    from tests.benchmarks.against.builds import HOME

    python = HOME / "peers" / ".venv" / "bin" / "python"
    made = HOME / "peers" / "packages"
    if not made.exists() or made.read_text() != "\n".join(PACKAGES):
        bench.say("  the environment of dlt and Polars")
        bench.new.call(bench.new.python, "-m", "uv", "venv", "--quiet", "--clear", python.parents[1])
        bench.new.call(bench.new.python, "-m", "uv", "pip", "install", "--quiet", "--python", python, *PACKAGES)
        made.write_text("\n".join(PACKAGES))
    return python


# The frames of all units as Parquet: what the peers that make documents begin from.
_FRAMES = """
import sys; from pathlib import Path
from tests.benchmarks import harness
from include.pipelines.refresh.plan import plan_and_extract
from include.pipelines.run.shards import shard_name
crm, folder = map(Path, sys.argv[1:])
harness.FOLDER = folder.parent / "office"
harness.make_keys()
bench = harness.Bench(0, office=str(crm))
context = bench.context("frames", full=True, dry_run=True)
folder.mkdir(parents=True)
import pyarrow as pa, pyarrow.parquet as pq
parts = {}
for number in plan_and_extract(context):
    for name, frame in context.staging.read(shard_name("source", number)).items():
        parts.setdefault(name, []).append(pa.Table.from_pandas(frame, preserve_index=False))
for name, tables in parts.items():
    pq.write_table(pa.concat_tables(tables, promote_options="permissive"), folder / f"{name}.parquet")
"""


if __name__ == "__main__":
    which, crm, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    work = WORKS[which](crm, folder)
    started = time.process_time()
    work()
    print(time.process_time() - started)
