"""The law of carried units: a night that carries equals a night that does not, after any history.

Each night of a history runs twice from the same state: once with nothing carried, then, with everything put back, as it
would run. What both leave at the vendors (each feed by the hash of its bytes), in the books and among the open findings
is the same.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl.extract.source import Snapshot
from etl.load.ledger.tables import unit_state
from include.pipelines.refresh import load
from include.pipelines.refresh.carried import read_basis, read_carried
from include.pipelines.run.context import VENDORS
from tests.load.advisors import edit_person
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book, BookSnapshot, copy_database, snapshot

FIRST = date(2026, 11, 20)


@snapshot
def office(book: Book) -> None:
    """Four couples and two lone clients; two of them are held, one is skipped, one has a loan to be computed."""
    book.set("profiles", calls_in_flight=1)
    book.set("emoney", calls_in_flight=1, feed_deadline_seconds=30)
    for number in (1, 2, 3, 4):
        book.couple(number)
    book.person(7, last_name=" ")
    book.crm.insert("crm_user", user_id=2, office_id=1, user_name="jane", status="Enabled")
    book.person(8, assigned_user_id=2)
    loan(book, 1, 201, loan_balance=None)
    loan(book, 2, 301, loan_balance=5_000)
    book.crm.update("contact", {"contact_id": 402}, birth_date=date(2026, 11, 26))
    book.crm.insert("household", household_id=99, name="Nobody's", deleted_at=book.crm.moment)
    # Later than any overlap: what was written until now is old.
    book.crm.later(days=2)
    book.crm.update("household", {"household_id": 99}, name="Nobody's")
    for day in (0, 1):
        book.run(str(FIRST + timedelta(days=day)))


def loan(book: Book, liability_id: int, contact_id: int, **more: Any) -> None:
    book.crm.insert(
        "liability", liability_id=liability_id, primary_contact_id=contact_id, lender="Bank", calculate=True,
        interest_rate=5, monthly_payment=300, balloon_period=8, orig_loan_date=date(2020, 1, 24),
        orig_loan_amount=30_000, orig_interest_rate=5, orig_balloon_period=15, **more,
    )  # fmt: skip


@dataclass
class History:
    """A book at its vendors, and the day of its last night."""

    book: Book
    day: date = FIRST + timedelta(days=1)
    numbers: list[int] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)

    def nights(self, days: int = 1, **request: Any) -> dict[str, set[str]]:
        """The next night, in both ways; gives the units that were carried, by vendor."""
        self.day += timedelta(days=days)
        self.numbers.append(len(self.numbers))
        self._keep()
        with self.book.context().ledger.write() as connection:
            connection.execute(sa.update(unit_state).values(standing=None))
        plain, none = self._night(**request)
        assert not any(none.values())
        self.last = plain
        self._put_back()
        carrying, carried = self._night(**request)
        assert {name: of for name, of in carrying.items() if of != plain[name]} == {
            name: of for name, of in plain.items() if of != carrying[name]
        }
        return carried

    def _night(self, faults: tuple[dict[str, Any], ...] = (), stop: str = "", **request: Any) -> Any:
        """What a night leaves, and the units that it carried. ``stop``: the stage before which it is killed."""
        book = self.book
        book.vendors.emoney.faults(*faults)
        context = book.context(str(self.day), f"night {len(self.numbers)}", **request)
        shards = book.prepare(context)
        carried = {vendor: {*read_carried(context, vendor)["unit_key"]} for vendor in VENDORS}
        if stop != "load":
            book.load(context, shards)
        if stop not in ("load", "report"):
            book.report(context, files=False)
        book.vendors.emoney.faults()
        return self._picture(context.request.run_id), carried

    def _picture(self, run_id: str) -> dict[str, Any]:
        """What stands in the ledger and at the vendors, without times."""
        asked = {
            "outcomes": f"SELECT * FROM outcome_v WHERE run_id = '{run_id}'",
            "findings": "SELECT vendor, unit_key, rule_id, severity, entity, entity_id, field, message, remedy, status "
            f"FROM finding_v WHERE run_id = '{run_id}'",
            "open": "SELECT * FROM open_finding_v",
            # A carried unit keeps the outcome of the night that sent it.
            "states": "SELECT vendor, unit_key, digest, basis, CASE WHEN outcome IN "
            "('created', 'updated') THEN 'unchanged' ELSE outcome END FROM unit_state",
            "links": "SELECT vendor, unit_key, vendor_client_id, vendor_case_id, connection_id FROM link",
            "sent": "SELECT vendor, unit_key, part, offered_hash, as_of FROM sent",
            "changes": f"SELECT vendor, unit_key, field, decision FROM field_change WHERE run_id = '{run_id}'",
            "run": f"SELECT status FROM run WHERE run_id = '{run_id}'",
            "stops": f"SELECT step, why FROM run_stop WHERE run_id = '{run_id}'",
        }
        with self.book.context().ledger.read() as connection:
            read = {name: connection.execute(sa.text(sql)).all() for name, sql in asked.items()}
        rows = {name: sorted(str(tuple(row)) for row in found) for name, found in read.items()}
        vendors = self.book.vendors
        return {**rows, "profiles": timeless(vendors.profiles.state()), "emoney": timeless(vendors.emoney.state())}

    @property
    def _ledger(self) -> Any:
        return self.book.folder / "data" / "ledger.db"

    def _keep(self) -> None:
        self.book.close()
        kept = self.book.folder / "kept"
        kept.mkdir(exist_ok=True)
        copy_database(self._ledger, kept / "ledger.db")
        self.book.vendors.copy_to(kept)

    def _put_back(self) -> None:
        self.book.close()
        kept = self.book.folder / "kept"
        copy_database(kept / "ledger.db", self._ledger)
        shutil.rmtree(self.book.folder / "data" / "staging", ignore_errors=True)
        self.book.vendors.take_from(kept)


def timeless(state: Any) -> Any:
    if isinstance(state, dict):
        return {
            name: timeless(value) for name, value in state.items() if not name.endswith("At") and name != "counters"
        }
    return [timeless(one) for one in state] if isinstance(state, list) else state


@pytest.fixture
def history(office: BookSnapshot, tmp_path: Path) -> Iterator[History]:
    book = restored(office, tmp_path)
    yield History(book)
    book.close()


@pytest.fixture(scope="module", autouse=True)
def one_unit_at_a_time() -> Iterator[None]:
    """The vendors number their records in the order in which they come: it has to be the same in both nights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "UNITS_AT_ONCE", 1)
        yield


def restored(office: BookSnapshot, folder: Path) -> Book:
    book = office.restored_in(folder)
    book.settings |= office.book.settings | {"data": book.settings["data"]}
    return book


def overrides(book: Book, **severities: str) -> None:
    path = book.folder / "severities.json"
    path.write_text(json.dumps(severities))
    book.set("rules", file=path)


def owners(book: Book, owner: str) -> None:
    path = book.folder / "users.csv"
    path.write_text(f"vendor,crm_user,vendor_user\nemoney,service,{owner}\n")
    book.set("vendors", users_file=path)


def by_hand(book: Book, household_id: int, **asked: Any) -> None:
    run_by_hand(book, household_id, as_of=str(FIRST), **asked)


def link_at_emoney(book: Book) -> None:
    """An advisor links H1's account in the browser, where that has not happened before."""
    client_id = book.links("emoney")["H1"]["vendor_client_id"]
    form = {"sourceKey": "account:1", "classification": "Investment Account", "owner": "client"}
    assert book.vendors.emoney.send_form(f"/clients/{client_id}/links", **form).status_code in (303, 409)


Edit = Callable[[Book], object]
# What happens in the CRM to a unit's own rows, and beside it.
ROWS: dict[str, Edit] = {
    "nothing": lambda book: None,
    "a value": lambda book: book.crm.update("investment_account", {"account_id": 1}, account_value=7, net_value=7),
    "a name is broken": lambda book: book.crm.update("contact", {"contact_id": 101}, first_name=" "),
    "a name is mended": lambda book: book.crm.update("contact", {"contact_id": 101}, first_name="Ann"),
    "a held unit changes": lambda book: book.crm.update("contact", {"contact_id": 7}, job_title="Pilot"),
    "an account comes": lambda book: book.account(50, 201),
    "an account goes": lambda book: book.crm.delete("investment_account", account_id=50),
    "a twin comes": lambda book: book.person(20, first_name="First101", last_name="Last101"),
    "the twin has another name": lambda book: book.crm.update("contact", {"contact_id": 20}, last_name="Else"),
    "a wife leads a household": lambda book: book.crm.insert(
        "household", household_id=30, name="Hers", head_contact_id=202
    ),
    "she does no longer": lambda book: book.crm.update("household", {"household_id": 30}, deleted_at=book.crm.moment),
    "a couple is new": lambda book: book.couple(6),
    "a client is deleted": lambda book: book.crm.update("contact", {"contact_id": 20}, deleted_at=book.crm.moment),
}
# What all verdicts rest on.
SHARED: dict[str, Edit] = {
    "a plan has another name": lambda book: book.crm.update("product", {"product_id": 1}, plan_name="Term 30"),
    "a carrier has another name": lambda book: book.crm.update("carrier", {"carrier_id": 1}, name="Bay Life"),
    "a right comes": lambda book: book.crm.insert("user_right", user_id=2, right_name="eMoney"),
    "a right goes": lambda book: book.crm.delete("user_right", right_name="Investment Tracking"),
    "a right is back": lambda book: book.crm.insert("user_right", user_id=1, right_name="Investment Tracking"),
    "a user is disabled": lambda book: book.crm.update("crm_user", {"user_id": 2}, status="Disabled"),
    "a rule holds": lambda book: overrides(book, **{"DEM-SPARSE": "critical"}),
    "another rule holds not": lambda book: overrides(book, **{"DEM-NAME": "warning"}),
    "eMoney has users": lambda book: owners(book, "u-1"),
    "another service user": lambda book: book.set("service", user="jane"),
    "the service user again": lambda book: book.set("service", user="service"),
}
# A line is rejected; the feed comes to nothing.
REJECTS, FAILS = ({"kind": "feed_rejects", "lines": [2]},), ({"kind": "feed_fails", "count": 1},)
# What happens at the vendors and by hand.
VENDOR: dict[str, Edit] = {
    "an advisor edits": lambda book: edit_person(book.vendors, jobTitle="Captain"),
    "an advisor links": link_at_emoney,
    "the values by hand": lambda book: by_hand(book, 1, vendor="emoney"),
    "the case by hand": lambda book: by_hand(book, 2),
    "a link ends": lambda book: by_hand(book, 3, vendor="emoney", unlink="another client"),
}


MOVES = {**ROWS, **SHARED, **VENDOR}


def tell(history: History, *names: str, days: int = 1, **request: Any) -> dict[str, set[str]]:
    """These moves and a night; gives the units that were carried, by vendor."""
    history.book.crm.later(hours=3)
    for name in names:
        try:
            MOVES[name](history.book)
        except sa.exc.IntegrityError:
            continue  # it has happened before
    return history.nights(days, **request)


def test_a_quiet_night_carries_every_unit_but_one_of_each_shard(history: History) -> None:
    assert history.nights() == {"profiles": {"H2", "H4", "C7", "C8"}, "emoney": {"H1", "H2", "H3", "H4", "C7", "C8"}}


def test_a_history_is_the_same_with_carried_units(history: History) -> None:
    tell(history, "a value", "a twin comes", "a couple is new", "a held unit changes")
    tell(history, "a name is broken", "an account comes", "the twin has another name", "an advisor edits")
    seen = tell(history, "a name is mended", "a wife leads a household", "an advisor links")
    tell(
        history,
        "she does no longer",
        "the case by hand",
        "a link ends",
        faults=({"kind": "feed_rejects", "lines": [2]},),
    )
    tell(history, "an account goes", "the values by hand", days=30, stop="load")
    tell(history, "a client is deleted", faults=FAILS)
    tell(history, stop="report", days=0)
    assert {"H4", "C7"} <= seen["emoney"]


def test_the_guards_see_the_same_figures(history: History) -> None:
    history.book.set("guard", at_least=1, max_gone_percent=1, max_rule_percent=5)
    history.book.crm.later(hours=3)
    history.book.crm.delete("investment_account", account_id=3)
    assert tell(history, "a value", "a name is broken")["emoney"]
    (stop,) = (words for words in history.last["stops"] if "validate emoney" in words)
    for words in ("of 6 units in scope break the rule DEM-NAME", "that the last feed had would be missing"):
        assert words in stop


def test_a_change_of_what_all_verdicts_rest_on_makes_another_basis(history: History) -> None:
    book = history.book

    def basis() -> int:
        context = book.context()
        with Snapshot(context.connections.crm) as snapshot:
            return read_basis(context, snapshot)

    seen = [basis()]
    for move in SHARED.values():
        move(book)
        seen.append(basis())
    assert all(one != other for one, other in pairwise(seen))
    assert basis() == seen[-1]


STEPS = st.tuples(
    st.lists(st.sampled_from(sorted(MOVES)), max_size=3, unique=True),
    st.sampled_from([0, 1, 1, 3, 40]),
    st.sampled_from(["", "", "", "load", "report"]),
    st.sampled_from([(), (), REJECTS, FAILS]),
)
# Each example takes some seconds; a failing one is told as it is.
FEW = settings(
    max_examples=2,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def same_with_carried_units(book: BookSnapshot, folder: Path, steps: list[Any]) -> None:
    history = History(restored(book, folder))
    for names, days, stop, faults in steps:
        tell(history, *names, days=days, stop=stop, faults=faults)
    history.book.close()


@FEW
@given(steps=st.lists(STEPS, min_size=2, max_size=3))
def test_any_history_is_the_same_with_carried_units(
    office: BookSnapshot, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    same_with_carried_units(office, tmp_path_factory.mktemp("history"), steps)


@pytest.mark.slow
@settings(FEW, max_examples=30)
@given(steps=st.lists(STEPS, min_size=2, max_size=6))
def test_any_long_history_is_the_same_with_carried_units(
    office: BookSnapshot, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    same_with_carried_units(office, tmp_path_factory.mktemp("history"), steps)


@pytest.mark.slow
@pytest.mark.parametrize("moves", [ROWS, SHARED, VENDOR])
def test_each_move_is_noticed(history: History, moves: dict[str, Edit]) -> None:
    for name in moves:
        tell(history, name)
    history.nights()
    assert history.nights()["emoney"]


@pytest.mark.slow
def test_days_that_pass_change_what_depends_on_them(history: History) -> None:
    for days in (1, 2, 1, 1, 30, 400, -3, 4):
        history.nights(days)


@pytest.mark.slow
def test_other_kinds_of_nights_change_nothing(history: History) -> None:
    for request in ({"vendors": ("emoney",)}, {"dry_run": True}, {"full": True}, {"is_holiday": True}, {}):
        history.nights(**request)
