"""Airflow as it runs in an office, with a small book of households and both sandboxes, and somebody who uses it.

    def test_something(live):
        live.book.couple(12)
        run_id = live.sync(household_id=12, vendor="profiles")
        assert live.end(run_id) == "success"

One Airflow for all such tests of a session; each uses households of its own. Everything goes over Airflow's public REST
API, as a browser or another program would do it. The databases are connections that Airflow itself keeps: a module
that needs others connects them (`Live.connect`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from etl.load.ledger.store import default_url
from tests.end_to_end.services import Services, Visitor
from tests.keys import vendor_keys
from tests.run_book import Book, Vendors, access_to, sandboxes

DAG, ASK = "household_sync", "sync_household"
# Zoe is no user of the CRM; the others are, in the office that a transfer leaves or in the one that receives it.
USERS = ("zoe", "main.morgan", "lakeside.morgan", "lakeside.chen")
# A user of the CRM, too, who may decide on the desk beside the administrator.
DECIDER = "main.morgan"
NUMBERS = count(1)


@dataclass
class Live:
    """A running Airflow and its user; ``book`` is the CRM, ``vendors`` the sandboxes."""

    services: Services
    user: Visitor
    book: Book
    vendors: Vendors

    @property
    def home(self) -> Path:
        return self.services.folder / "airflow"

    def connect(self, **databases: str) -> None:
        """Airflow's connections of these names lead to these databases from now on."""
        wanted = []
        for name, url in databases.items():
            to = access_to(url)
            log_in = {"host": to.host, "port": to.port, "login": to.login, "password": to.password}
            wanted.append({"connection_id": name, "conn_type": to.conn_type, "schema": to.schema, **log_in})
        create = {"action": "create", "action_on_existence": "overwrite", "entities": wanted}
        done = self.user.call("PATCH", "/api/v2/connections", {"actions": [create]})["create"]
        assert done["errors"] == []

    def connect_its_own(self) -> None:
        """The databases of `book`."""
        self.connect(crm=self.book.crm.url, ledger=default_url(self.book.folder / "data"))

    def sync(self, **conf: Any) -> str:
        """Triggers a run by hand; gives its id."""
        return self.user.trigger(DAG, conf, f"live-{next(NUMBERS)}")

    def question(self, run_id: str) -> dict[str, Any]:
        """The required action of a run, as soon as it waits."""
        self.user.wait_for_task(DAG, run_id, ASK, "awaiting_input")
        return self.user.question(DAG, run_id, ASK)

    def answer(self, run_id: str, button: str, **given: Any) -> None:
        self.user.answer(DAG, run_id, ASK, button, **given)

    def let_the_time_run_out(self, run_id: str) -> None:
        """As if nobody had answered for as long as the run waits."""
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=60)) as connection, connection:
            late = "UPDATE task_instance SET trigger_timeout = '2001-01-01 00:00:00.000000' WHERE run_id = ?"
            connection.execute(f"{late} AND state = 'awaiting_input'", (run_id,))

    def end(self, run_id: str) -> str:
        """How the run ends."""
        return self.user.wait_for_end(DAG, run_id)

    def outcome(self, run_id: str) -> tuple[str, str]:
        """How its household ended, and why."""
        (row,) = self.rows("SELECT outcome, reason FROM outcome_v WHERE run_id = ?", run_id)
        return row["outcome"], row["reason"] or ""

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What plain SQL says of the ledger."""
        return _rows(self.book.folder / "data" / "ledger.db", query, *values)

    def airflow_rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What plain SQL says of Airflow's own database."""
        return _rows(self.home / "airflow.db", query, *values)


def _rows(database: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("live"), USERS) as found:
        found.book.crm.insert("crm_user", user_id=7900, office_id=1, user_name=DECIDER, status="Enabled")
        yield found


@contextmanager
def running(folder: Path, users: Sequence[str] = ()) -> Iterator[Live]:
    """Airflow with its DAGs, ready for the first trigger; ``users`` besides its administrator."""
    with ExitStack() as at_the_end:
        vendors = at_the_end.enter_context(sandboxes(folder))
        book = Book(folder, vendors)
        at_the_end.callback(book.close)
        services = at_the_end.enter_context(Services(folder, _variables(folder, book), users))
        user = services.visitor()
        user.wait_for_dag(DAG)
        live = Live(services, user, book, vendors)
        live.connect_its_own()
        yield live


def _variables(folder: Path, book: Book) -> dict[str, str]:
    private_key = folder / "private.pem"
    private_key.touch(0o600)
    private_key.write_text(vendor_keys()[0])
    return {
        "AIRFLOW_CONN_PROFILES": _vendor(book, "profiles"),
        "AIRFLOW_CONN_EMONEY": _vendor(book, "emoney", extra={"private_key_file": str(private_key)}),
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
        "PLANBRIDGE__DATA__FOLDER": str(folder / "data"),
        "PLANBRIDGE__DESK__DECIDERS": DECIDER,
        "PLANBRIDGE__PROFILES__ENROLL": "all",
        "PLANBRIDGE__PROFILES__SEARCH_LAG_SECONDS": "0.5",
        "PLANBRIDGE__EMONEY__ENROLL": "all",
        "PLANBRIDGE__EMONEY__CALLS_PER_MINUTE": "100000",
        "PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS": "admin",
    }


def _vendor(book: Book, vendor: str, **more: Any) -> str:
    access = book.connections[vendor]
    assert access is not None
    given = {"host": access.host, "port": access.port, "login": access.login, "password": access.password}
    return json.dumps({"conn_type": "http", "schema": "http", **given, **more})
