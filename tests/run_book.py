"""A small book of households, both sandboxes as processes of their own, and runs of the stages without Airflow.

    with sandboxes(folder) as vendors:
        book = Book(folder, vendors)
        home = book.couple(1)
        ran = book.run("2026-11-20")
        assert ran.outcomes("profiles") == {"H1": "created"}

The CRM is written by plain inserts; ``modified_at`` moves on by itself. What vendors hold is read from their
``/_sandbox/state``, what the pipeline did from the ledger's views.
"""

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from etl import schema
from etl.errors import PlanbridgeError, RetryLater, StopRun
from etl.load.ledger import runs
from include.commands.quick import GivenConnection
from include.pipelines.run.context import RunContext, RunRequest
from include.runtime.connections import Connections
from include.runtime.settings import Settings
from tests.keys import vendor_keys
from tests.sandbox.running import Caller, running_sandbox

DAY = "2026-11-20"
LICENSES = (
    "Profiles Professional - Web", "eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator",
    "Investment Tracking",
)  # fmt: skip


def access_to(url: str) -> GivenConnection:
    """A connection to a database."""
    parsed = sa.make_url(url)
    kind = "sqlite" if parsed.get_backend_name() == "sqlite" else "postgres"
    if kind == "sqlite":
        return GivenConnection(kind, schema=parsed.database)
    return GivenConnection(kind, parsed.host, parsed.port, parsed.database, parsed.username, parsed.password)


@dataclass
class Vendors:
    """Both sandboxes, running; `folder` holds the database of each."""

    profiles: Caller
    emoney: Caller
    folder: Path

    def reset(self) -> None:
        self.profiles.reset()
        self.emoney.reset()

    def copy_to(self, folder: Path) -> None:
        """Keeps what they hold."""
        for name in ("profiles.db", "emoney.db"):
            copy_database(self.folder / name, folder / name)

    def take_from(self, folder: Path) -> None:
        """They hold what was kept and nothing else; no faults, and the counters are at zero."""
        self.reset()
        for name in ("profiles.db", "emoney.db"):
            copy_database(folder / name, self.folder / name)

    def writes(self) -> dict[str, int]:
        """What was written since the last reset, by call."""
        return self.profiles.writes() | self.emoney.writes()

    def calls(self) -> dict[str, int]:
        return self.profiles.calls() | self.emoney.calls()

    def cases(self) -> dict[str, dict[str, Any]]:
        """Profiles: external id -> its only case."""
        households = self.profiles.state()["households"]
        found = {one["externalSourceId"]: one["cases"] for one in households}
        assert len(found) == len(households), "a household is there twice"
        assert all(len(cases) == 1 for cases in found.values())
        return {key: cases[0] for key, cases in found.items()}

    def case_of(self, key: str) -> dict[str, Any]:
        """The only case of a household, by its external id; advisors may have typed in others."""
        (cases,) = (one["cases"] for one in self.profiles.state()["households"] if one["externalSourceId"] == key)
        (case,) = cases
        return case

    def clients(self) -> dict[str, dict[str, Any]]:
        """eMoney: external id -> client with spouse, connections and accounts."""
        clients = self.emoney.state()["clients"]
        found = {one["client"]["externalId"]: one for one in clients}
        assert len(found) == len(clients), "a client is there twice"
        return found

    def feeds(self) -> list[dict[str, Any]]:
        return self.emoney.state()["feeds"]


@contextmanager
def sandboxes(folder: Path) -> Iterator[Vendors]:
    """Both vendors on free loopback ports, for as long as they are wanted."""
    (folder / "public.pem").write_text(vendor_keys()[1])
    of_emoney = ("--public-key", str(folder / "public.pem"), "--limit-per-minute", "0", "--limit-in-flight", "0")
    with (
        running_sandbox("profiles", folder / "profiles.db") as profiles,
        running_sandbox("emoney", folder / "emoney.db", *of_emoney) as emoney,
    ):
        yield Vendors(profiles, emoney, folder)


def copy_database(source: Path, target: Path) -> None:
    """As SQLite does it, so that a sandbox that has the file open sees the new rows."""
    with closing(sqlite3.connect(source)) as rows, closing(sqlite3.connect(target)) as copy:
        rows.backup(copy)


class SmallCrm:
    """A CRM of a few rows at ``url``; every change moves the row's ``modified_at``."""

    def __init__(self, url: str, is_there: bool = False) -> None:
        self.url = url
        self.engine = sa.create_engine(url)
        # Long past by the clock of whichever machine runs the tests.
        self.moment = datetime(2020, 11, 1, 12)
        if is_there:
            return
        schema.metadata.create_all(self.engine)
        self.insert("office", office_id=1, name="Main", status="Active")
        self.insert("crm_user", user_id=1, office_id=1, user_name="service", status="Enabled")
        for right in LICENSES:
            self.insert("user_right", user_id=1, right_name=right)
        self.insert("carrier", carrier_id=1, office_id=1, name="Harbor Life")
        self.insert("product", product_id=1, carrier_id=1, office_id=1, plan_name="Term 20", insurance_type="Life")

    def insert(self, table: str, **values: Any) -> None:
        self._change(sa.insert(schema.metadata.tables[table]).values(**self._stamped(table, values)))

    def update(self, table: str, key: dict[str, Any], **values: Any) -> None:
        rows = schema.metadata.tables[table]
        self._change(sa.update(rows).filter_by(**key).values(**self._stamped(table, values)))

    def delete(self, table: str, **key: Any) -> None:
        self._change(sa.delete(schema.metadata.tables[table]).filter_by(**key))

    def later(self, **span: float) -> None:
        """Time passes in the CRM."""
        self.moment += timedelta(**span)

    def _stamped(self, table: str, values: dict[str, Any]) -> dict[str, Any]:
        self.moment += timedelta(seconds=1)
        columns = schema.metadata.tables[table].columns
        needed = {"office_id": 1} if "office_id" in columns else {}
        moved = {"modified_at": self.moment} if "modified_at" in columns else {}
        return {**needed, **moved, **values}

    def _change(self, statement: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement)


@dataclass
class Ran:
    """What a run left behind; ``stopped`` is why it failed, None where it did not."""

    context: RunContext
    stopped: PlanbridgeError | None

    def rows(self, view: str, **condition: Any) -> list[dict[str, Any]]:
        """The run's rows of a view of the ledger."""
        where = " AND ".join(["run_id = :run_id", *(f"{name} = :{name}" for name in condition)])
        values = {"run_id": self.context.request.run_id, **condition}
        with self.context.ledger.read() as connection:
            found = connection.execute(sa.text(f"SELECT * FROM {view} WHERE {where}"), values)
            return [dict(row) for row in found.mappings()]

    def outcomes(self, vendor: str) -> dict[str, str]:
        return {row["unit_key"]: row["outcome"] for row in self.rows("outcome_v", vendor=vendor)}

    def reason(self, vendor: str, unit_key: str) -> str:
        (row,) = self.rows("outcome_v", vendor=vendor, unit_key=unit_key)
        return row["reason"] or ""

    def findings(self, vendor: str) -> set[tuple[str, str]]:
        """Without DEM-SPARSE, which everybody in a small book breaks."""
        found = {(row["unit_key"], row["rule_id"]) for row in self.rows("finding_v", vendor=vendor)}
        return {one for one in found if one[1] != "DEM-SPARSE"}

    def decisions(self, vendor: str) -> set[tuple[str, str, str]]:
        found = self.rows("field_change", vendor=vendor)
        return {(row["unit_key"], row["field"], row["decision"]) for row in found}


class Book:
    """A CRM, a ledger and the way to two vendors. ``settings``: by section, ``profiles={"enroll": "linked"}``.

    ``is_there``: the folder holds what another book has written.
    """

    def __init__(
        self,
        folder: Path,
        vendors: Vendors,
        crm_url: str | None = None,
        ledger_url: str | None = None,
        is_there: bool = False,
    ) -> None:
        self.folder = folder
        self.vendors = vendors
        self.crm = SmallCrm(crm_url or f"sqlite:///{folder / 'crm.db'}", is_there)
        self.runs = 0
        self.contexts: list[RunContext] = []
        self.last_request: RunRequest | None = None  # of the run with which the book's story has ended
        self.connections: dict[str, GivenConnection | None] = {
            "crm": access_to(self.crm.url),
            "profiles": _way_to(vendors.profiles, login="planbridge", password="sandbox"),
            "emoney": _way_to(
                vendors.emoney,
                login="planbridge",
                password="sandbox-key",
                extra_dejson={"private_key": vendor_keys()[0]},
            ),
            "ledger": access_to(ledger_url) if ledger_url else None,
        }
        self.settings: dict[str, dict[str, Any]] = {
            "data": {"folder": folder / "data"},
            "profiles": {"enroll": "all", "search_lag_seconds": 0.2, "call_seconds": 2},
            "emoney": {
                "enroll": "all", "search_lag_seconds": 0.2, "call_seconds": 2, "calls_per_minute": 1_000_000,
                "feed_deadline_seconds": 1,
            },
            "guard": {"at_least": 1000},
        }  # fmt: skip

    def set(self, section: str, **values: Any) -> None:
        """Other settings from the next run on."""
        self.settings[section] = {**self.settings.get(section, {}), **values}

    def context(self, as_of: str = DAY, run_id: str | None = None, **request: Any) -> RunContext:
        self.runs += 1
        wanted = RunRequest(run_id or f"run-{self.runs}", "weeknight_refresh", date.fromisoformat(as_of), **request)
        settings = Settings(**self.settings)
        self.contexts.append(RunContext(wanted, settings, Connections(self.connections.get)))
        return self.contexts[-1]

    def close(self) -> None:
        """Closes what its contexts have opened."""
        self.crm.engine.dispose()
        for context in self.contexts:
            if "ledger" in vars(context):
                context.ledger.engine.dispose()

    def run(self, as_of: str = DAY, run_id: str | None = None, report: bool = False, **request: Any) -> Ran:
        """All stages, as Airflow runs them: a stop is noted, and the run is closed whatever happened.

        ``report``: with lineage, pages and sheets, for a test that reads them.
        """
        context = self.context(as_of, run_id, **request)
        self.load(context, self.prepare(context))
        return self.report(context, files=report)

    def prepare(self, context: RunContext) -> list[int]:
        """Plan, transform, validate; gives the shards to load, none where a stage stopped the run."""
        from include.pipelines.refresh import plan, transform, validate

        def stages() -> list[int]:
            shards = plan.plan_and_extract(context)
            for number in shards:
                transform.transform_shard(context, number)
            return shards

        def checked(vendor: str) -> bool:
            return (
                self._noting_stops(context, f"validate {vendor}", lambda: validate.validate_vendor(context, vendor))
                is not None
            )

        shards = self._noting_stops(context, "prepare", stages) or []
        # Each vendor's check is a task of its own, and the loads wait for both.
        passed = [checked(vendor) for vendor in context.request.vendors] if shards else []
        return shards if all(passed) else []

    def load(self, context: RunContext, shards: list[int]) -> None:
        from include.pipelines.refresh import load

        for vendor in context.request.vendors:
            for number in shards:
                self._noting_stops(
                    context, f"load_{vendor} {number}", lambda v=vendor, n=number: load.load_shard(context, v, n)
                )

    def report(self, context: RunContext, files: bool = True) -> Ran:
        from include.pipelines.refresh import report

        try:
            report.report_run(context, files=files)
        except PlanbridgeError as error:
            return Ran(context, error)
        return Ran(context, None)

    def _noting_stops(self, context: RunContext, name: str, step: Any) -> Any:
        try:
            return step()
        except (StopRun, RetryLater) as error:
            runs.stop_run(context.ledger, context.request.run_id, name, str(error))
            return None

    def links(self, vendor: str) -> dict[str, dict[str, Any]]:
        with self.context().ledger.read() as connection:
            rows = connection.execute(sa.text("SELECT * FROM link_v WHERE vendor = :vendor"), {"vendor": vendor})
            return {row["unit_key"]: dict(row) for row in rows.mappings()}

    def run_json(self, ran: Ran) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads((ran.context.reports / "run.json").read_text())
        return summary

    def person(self, contact_id: int, **values: Any) -> int:
        """A contact who breaks no rule."""
        defaults = {
            "record_type": "Contact", "subsystem_type": "Contact", "contact_type": "Client",
            "first_name": f"First{contact_id}", "last_name": f"Last{contact_id}", "birth_date": date(1970, 5, 1),
            "gender": "Female", "marital_status": "Single", "assigned_user_id": 1,
        }  # fmt: skip
        self.crm.insert("contact", contact_id=contact_id, **{**defaults, **values})
        return contact_id

    def couple(self, household_id: int, **head: Any) -> int:
        """Household ``H<n>``: head n01, wife n02, one account n (value 1000), one life policy n."""
        first, second = household_id * 100 + 1, household_id * 100 + 2
        self.person(first, **{"marital_status": "Married", "gender": "Male", **head})
        last_name = head.get("last_name", f"Last{first}")
        self.person(second, last_name=last_name, marital_status="Married")
        self.crm.insert("household", household_id=household_id, name=f"Home {household_id}", head_contact_id=first)
        self.member(household_id, first, "Head")
        self.member(household_id, second, "Wife")
        self.tie(household_id, first, second)
        self.account(household_id, first)
        self.policy(household_id, first)
        return household_id

    def member(self, household_id: int, contact_id: int, role: str) -> None:
        self.crm.insert(
            "household_member", household_id=household_id, contact_id=contact_id, role=role, is_primary=True
        )

    def tie(self, relation_id: int, contact_id: int, related_id: int, relation: str = "Wife") -> None:
        self.crm.insert(
            "key_relation", relation_id=relation_id, contact_id=contact_id, related_contact_id=related_id,
            relation_type="Family", relation=relation,
        )  # fmt: skip

    def account(self, account_id: int, contact_id: int, value: int = 1000) -> int:
        self.crm.insert(
            "investment_account", account_id=account_id, primary_contact_id=contact_id, account_type="Individual",
            account_name=f"Savings {account_id}", account_value=value, net_value=value,
        )  # fmt: skip
        return account_id

    def policy(self, policy_id: int, contact_id: int, number: str = "LIFE-5551234") -> int:
        self.crm.insert(
            "policy", policy_id=policy_id, primary_contact_id=contact_id, product_id=1, status="Inforce",
            policy_number=number, annual_premium=120, basic_face_amount=50_000, total_death_benefit=60_000,
        )  # fmt: skip
        return policy_id

    def phone(self, phone_id: int, contact_id: int, number: str) -> None:
        self.crm.insert("contact_phone", phone_id=phone_id, contact_id=contact_id, phone_type="Mobile", number=number)


class BookSnapshot:
    """A book as it is now, with all that both vendors hold; it is not used any more itself."""

    def __init__(self, book: Book) -> None:
        book.close()
        book.vendors.copy_to(book.folder)
        self.book = book

    def restored_in(self, folder: Path) -> Book:
        """The same book in a folder of its own, and the vendors as they were."""
        shutil.copytree(self.book.folder, folder, dirs_exist_ok=True)
        self.book.vendors.take_from(folder)
        book = Book(folder, self.book.vendors, is_there=True)
        book.crm.moment, book.runs = self.book.crm.moment, self.book.runs
        book.last_request = self.book.contexts[-1].request if self.book.contexts else None
        return book


Story = Callable[[Book], object]
Restore = Callable[[BookSnapshot], Book]
# Module and name of the fixtures that `snapshot` has made.
_STORIES: set[tuple[str, str]] = set()


def snapshot(story: Story, scope: Literal["module", "session"] = "module") -> Any:
    """A fixture of the story's name, a `BookSnapshot`: the story is told once, to an empty book at empty vendors.

    @snapshot
    def office(book: Book) -> None:
        book.couple(1)
        book.run()

    def test_something(office: BookSnapshot, restore: Restore) -> None:
        book = restore(office)
    """

    @pytest.fixture(scope=scope, name=story.__name__)
    def told(tmp_path_factory: pytest.TempPathFactory, running_vendors: Vendors) -> BookSnapshot:
        running_vendors.reset()
        book = Book(tmp_path_factory.mktemp(story.__name__), running_vendors)
        story(book)
        return BookSnapshot(book)

    if scope == "module":
        _STORIES.add((story.__module__, story.__name__))
    return told


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that begin with one story go to one worker, so that no other one tells it, too."""
    for item in items:
        if isinstance(item, pytest.Function):
            module = item.module.__name__
            if told := [name for name in item.fixturenames if (module, name) in _STORIES]:
                item.add_marker(pytest.mark.xdist_group(f"{module}.{told[0]}"))


def _way_to(vendor: Caller, **more: Any) -> GivenConnection:
    return GivenConnection("http", "127.0.0.1", vendor.port, **more)


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def running_vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendors]:
    with sandboxes(tmp_path_factory.mktemp("vendors")) as vendors:
        yield vendors


@pytest.fixture
def vendors(running_vendors: Vendors) -> Vendors:
    """Both vendors, empty."""
    running_vendors.reset()
    return running_vendors


@pytest.fixture
def book(tmp_path: Path, vendors: Vendors) -> Iterator[Book]:
    """An empty book at vendors that hold nothing."""
    made = Book(tmp_path, vendors)
    yield made
    made.close()


@partial(snapshot, scope="session")
def first_night(book: Book) -> None:
    book.couple(1)
    book.run()


@pytest.fixture
def restore(tmp_path: Path) -> Iterator[Restore]:
    """Gives a test a book of its own, as it was in a snapshot."""
    with ExitStack() as open_books:

        def restored(taken: BookSnapshot) -> Book:
            return open_books.enter_context(closing(taken.restored_in(tmp_path)))

        yield restored


@pytest.fixture
def sent(first_night: BookSnapshot, restore: Restore) -> Book:
    """H1, a couple, was sent to both vendors by run-1."""
    return restore(first_night)
