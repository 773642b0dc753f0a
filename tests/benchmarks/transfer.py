"""A transfer of N contacts with everything on them from one PostgreSQL database to another.

``python -m tests.benchmarks.transfer N``

Every task of `office_transfer` as it runs without Airflow, all in this process. Prints JSON: seconds of wall clock and
of this process' CPU by task and by part, statements, peak memory up to each task's end, rows.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from etl.load import bulk
from etl.load.ledger.transfers import transfers
from etl.schema import metadata
from include.pipelines.transfer import archive, checks, documents, reading, report
from include.pipelines.transfer.answer import make_question
from include.runtime.staging import Staging
from tests.pipelines.transfer.books import TwoOffices
from tests.pipelines.transfer.moving import Database
from tests.pipelines.transfer.staging_area import Area, book_with_rights
from tests.postgres import fresh_database

# How many rows of each table hang on a contact.
EACH = {
    "contact_address": 2, "contact_phone": 2, "contact_email": 1, "policy": 2, "pending_case": 1,
    "investment_account": 1, "liability": 1, "smartpad_note": 8, "activity": 5, "letter": 2, "event_invitation": 1,
    "presale_activity": 1, "contact_set_member": 1,
}  # fmt: skip
OF_EACH = {
    "policy_beneficiary": "policy", "policy_contact": "policy", "pending_case_contact": "pending_case",
    "commission": "policy", "investment_position": "investment_account", "asset_allocation": "investment_account",
    "account_performance": "investment_account",
}  # fmt: skip


def make_rows(contacts: int) -> dict[str, pd.DataFrame]:
    """Couples, each in a household of its own, with rows in every table."""
    ids = np.arange(1, contacts + 1)
    partner = np.where(ids % 2, ids + 1, ids - 1)
    people = {
        "contact_id": ids,
        "first_name": [f"Ann{one}" for one in ids],
        "last_name": [f"Hárbor{one}" for one in ids],
    }
    rows = {"contact": _frame("contact", contacts, **people, annual_salary="120000.10", tax_id=None)}
    heads = ids[ids % 2 == 1]
    homes = np.arange(1, len(heads) + 1)
    rows["household"] = _frame("household", len(heads), household_id=homes, head_contact_id=heads)
    rows["household_member"] = _frame("household_member", contacts, household_id=(ids + 1) // 2, contact_id=ids)
    rows["key_relation"] = _frame(
        "key_relation", len(heads), relation_id=homes, contact_id=heads, related_contact_id=heads + 1, relation="Spouse"
    )
    rows["carrier"] = _frame("carrier", 20, carrier_id=np.arange(1, 21), name=[f"Carrier {one}" for one in range(20)])
    rows["product"] = _frame("product", 200, product_id=np.arange(1, 201), carrier_id=np.arange(200) % 20 + 1)
    rows["contact_set"] = _frame("contact_set", 1, set_id=1)
    for table, times in EACH.items():
        columns = metadata.tables[table].columns
        owner = np.repeat(ids, times)
        values: dict[str, Any] = {"contact_id" if "contact_id" in columns else "primary_contact_id": owner}
        if "set_id" in columns:
            values["set_id"] = 1
        else:
            values[next(iter(metadata.tables[table].primary_key)).name] = np.arange(1, len(owner) + 1)
        if "product_id" in columns:
            values["product_id"] = owner % 200 + 1
        if table == "policy":
            values["owner_contact_id"] = np.repeat(partner, times)
        if table == "smartpad_note":
            values["body"] = [f'Called about "{one}".\n' + "Review of the plan, line by line. " * 8 for one in owner]
        rows[table] = _frame(table, len(owner), **values)
    for table, parent in OF_EACH.items():
        key = next(iter(metadata.tables[parent].primary_key)).name
        parents = rows[parent][key].to_numpy()
        times = 4 if table == "investment_position" else 1
        values = {key: np.repeat(parents, times)}
        own = list(metadata.tables[table].primary_key)
        if len(own) == 1:
            values[own[0].name] = np.arange(1, len(values[key]) + 1)
        if "contact_id" in metadata.tables[table].columns:
            values["contact_id"] = np.repeat(partner, EACH[parent])
        rows[table] = _frame(table, len(values[key]), **values)
    rows["custom_field_value"] = _frame("custom_field_value", contacts, entity_id=ids)
    return rows


def _frame(table: str, size: int, **values: Any) -> pd.DataFrame:
    """Rows of a table on top of the book's defaults, in canonical form."""
    book = TwoOffices()
    book.add(table)
    frame = pd.DataFrame([book.rows[table][-1]] * 1)
    frame = pd.concat([frame] * size, ignore_index=True) if size < 1000 else frame.loc[np.zeros(size, dtype=int)]
    return frame.reset_index(drop=True).assign(**values)


def fill(url: str, rows: dict[str, pd.DataFrame]) -> None:
    """Makes the tables of two offices and fills them."""
    book_with_rights().write(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name in rows:
                bulk.insert(connection, table, rows[table.name])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


# The parts of the tasks that are told apart: what is called, and where it is looked up.
PARTS: tuple[tuple[str, Any, str], ...] = (
    ("read", reading, "read"),
    ("decide", reading.rules, "plan"),
    ("gate", checks, "check"),
    ("keep staged files", Staging, "write"),
    ("read staged files", Staging, "read"),
    ("keep the manifest", transfers, "plan"),
    ("write the manifest", documents, "write_manifest"),
    ("write the work list", documents, "write_report"),
    ("compare", report, "compare"),
    ("archive", archive, "write"),
)


class Watch:
    """Seconds of wall clock and CPU by task and by part of it, peak memory, and statements sent meanwhile."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.parts: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.peak_mib: dict[str, int] = {}
        self.statements: dict[str, int] = {}
        self._sent = 0
        self._task = ""
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", self._count)
        for name, home, attribute in PARTS:
            setattr(home, attribute, self._timed(name, getattr(home, attribute)))

    def _count(self, *_: Any) -> None:
        self._sent += 1

    def _timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            wall = time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                part = f"{self._task}: {name}"
                self.parts[part] = round(self.parts.get(part, 0) + time.perf_counter() - wall, 1)

        return timed

    @contextmanager
    def on(self, task: str) -> Iterator[None]:
        """One task."""
        self._task, self._sent = task, 0
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[task] = round(time.perf_counter() - wall, 1)
        self.cpu[task] = round(time.process_time() - cpu, 1)
        self.peak_mib[task] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.statements[task] = self._sent


def main(contacts: int) -> dict[str, Any]:
    """Moves them all; gives the figures."""
    source, target, ledger = fresh_database(), fresh_database(), fresh_database()
    rows = make_rows(contacts)
    total = sum(map(len, rows.values()))
    fill(source, rows)
    book_with_rights().write(target)
    del rows
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        area = Area(Path(folder), Database(source), Database(target), ledger)
        asked = {"set_id": 1}
        with watch.on("check and plan"):
            area.plan("bench", **asked)
        with watch.on("accept"):
            assert make_question(area.context("bench", **asked)) is not None
            assert area.answer("bench", "Accept", **asked) == "accepted"
        with watch.on("import"):
            assert area.move("bench", **asked) is not None
        with watch.on("report"):
            assert area.report("bench", **asked)["status"] == "closed"
    arrived = len(area.target.rows("contact")) if area.target else 0
    assert arrived == contacts, arrived
    batches = -(-contacts // 1000)
    return {
        "contacts": contacts, "rows": total, "wall_seconds": watch.wall, "parts": watch.parts, "cpu_seconds": watch.cpu,
        "statements": watch.statements, "statements_a_batch": round(watch.statements["import"] / batches, 1),
        "peak_mib": max(watch.peak_mib.values()), "peak_mib_after": watch.peak_mib,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(*(int(each) for each in sys.argv[1:]))))
