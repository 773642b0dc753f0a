"""A transfer of N contacts with everything on them from one PostgreSQL database to another.

``python -m tests.benchmarks.transfer N``

Prints JSON: seconds of wall clock and of this process' CPU by stage, statements a batch, peak memory, rows.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from etl.load import bulk
from etl.load.ledger.store import Ledger
from etl.schema import metadata
from tests.postgres import fresh_database
from tests.transfers.books import Book
from tests.transfers.moving import Database, TransferDesk

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
    book = Book()
    book.add(table)
    frame = pd.DataFrame([book.rows[table][-1]] * 1)
    frame = pd.concat([frame] * size, ignore_index=True) if size < 1000 else frame.loc[np.zeros(size, dtype=int)]
    return frame.reset_index(drop=True).assign(**values)


def fill(url: str, rows: dict[str, pd.DataFrame]) -> None:
    """Makes the tables of two offices and fills them."""
    Book().write(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name in rows:
                bulk.insert(connection, table, rows[table.name])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


class Watch:
    """Seconds by stage, and the statements sent to databases meanwhile."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.statements = 0
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self.statements += 1

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[stage] = round(time.perf_counter() - wall, 1)
        self.cpu[stage] = round(time.process_time() - cpu, 1)


def main(contacts: int, at_once: int = 1000) -> dict[str, Any]:
    """Moves them all; gives the figures."""
    source, target, ledger_url = fresh_database(), fresh_database(), fresh_database()
    rows = make_rows(contacts)
    total = sum(map(len, rows.values()))
    fill(source, rows)
    Book().write(target)
    del rows
    ledger = Ledger(ledger_url)
    ledger.migrate()
    with tempfile.TemporaryDirectory() as folder:
        desk = TransferDesk(Database(source), Database(target), ledger, Path(folder), contacts_at_once=at_once)
        watch = Watch()
        with watch.on("check and plan"):
            desk.plan("bench", range(1, contacts + 1))
        peak_plan = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        watch.statements = 0
        with watch.on("move"):
            moved = desk.move("bench")
    arrived = len(desk.target.rows("contact"))
    ledger.engine.dispose()
    assert (moved.status, arrived) == ("closed", contacts), (moved, arrived)
    return {
        "contacts": contacts, "rows": total, "wall_seconds": watch.wall, "cpu_seconds": watch.cpu,
        "statements_a_batch": round(watch.statements / -(-contacts // at_once), 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "peak_mib_plan": round(peak_plan),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(*(int(each) for each in sys.argv[1:]))))
