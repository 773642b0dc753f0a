"""Which units a run takes (SCP-4, SCP-6): enrollment, what changed, what comes back, holidays, units by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from etl.errors import ParamsError, SettingsError
from etl.load.ledger import runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.tables import run_vendor, unit_state
from include.pipelines.refresh.plan import plan_and_extract
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book, BookSnapshot, Restore, snapshot

NEXT = "2026-11-23"
LATER = datetime(2026, 12, 24, 12)


def taken(book: Book, as_of: str = NEXT, vendor: str = "profiles", **request: object) -> set[str]:
    """The units that a run would take; looking does not change what the next one takes."""
    context = book.context(as_of, dry_run=True, **request)
    plan_and_extract(context)
    units = context.staging.read("plan/scope")["units"]
    return set(units.loc[units[vendor], "unit_key"])


def settle(book: Book, vendor: str = "profiles") -> None:
    """As after a run that sent everything; the CRM's last change, to nobody's household, lies days after all others."""
    book.crm.later(days=2)
    book.crm.update("household", {"household_id": 99}, name="Nobody's")
    context = book.context()
    plan_and_extract(context)
    units = context.staging.read("plan/scope")["units"]
    states = [
        {"unit_key": row.unit_key, "digest": int(row.digest), "basis": int(row.basis), "outcome": "unchanged"}
        for row in units[units[vendor]].itertuples()
    ]
    close_run(context.ledger, context.request.run_id, Closing("success", states={vendor: states}))


@snapshot
def settled_kept(book: Book) -> None:
    """Two households and a lone client were sent, and nothing has changed since."""
    book.couple(1)
    book.couple(2)
    book.person(7)
    book.crm.insert(
        "liability", liability_id=1, primary_contact_id=201, lender="Bank", loan_balance=9, interest_rate=3,
        monthly_payment=1, balloon_period=8, calculate=True,
    )  # fmt: skip
    book.crm.insert("investment_position", position_id=1, account_id=1, symbol="ABC", market_value=1)
    book.crm.insert("policy_beneficiary", policy_id=1, contact_id=102)
    book.crm.insert("contact_address", address_id=1, contact_id=101, address_type="Residence", city="Salem")
    book.crm.insert("contact_email", email_id=1, contact_id=101, address="ann@example.com")
    book.phone(1, 101, "603-555-0101")
    book.crm.insert("household", household_id=99, name="Nobody's", deleted_at=book.crm.moment)
    settle(book)


@pytest.fixture
def settled(settled_kept: BookSnapshot, restore: Restore) -> Book:
    return restore(settled_kept)


CHANGES: dict[str, tuple[Callable[[Book], object], set[str]]] = {
    "nothing": (lambda book: None, set()),
    "contact": (lambda book: book.crm.update("contact", {"contact_id": 102}, company="Quay"), {"H1"}),
    "lone client": (lambda book: book.crm.update("contact", {"contact_id": 7}, company="Quay"), {"C7"}),
    "address": (lambda book: book.crm.update("contact_address", {"address_id": 1}, city="Rye"), {"H1"}),
    "phone": (lambda book: book.crm.update("contact_phone", {"phone_id": 1}, number="603-555-0102"), {"H1"}),
    "e-mail": (lambda book: book.crm.update("contact_email", {"email_id": 1}, address="a@example.com"), {"H1"}),
    "household": (lambda book: book.crm.update("household", {"household_id": 2}, name="New"), {"H2"}),
    "role": (lambda book: book.crm.update("household_member", {"contact_id": 202}, role="Spouse"), {"H2"}),
    "relation": (lambda book: book.crm.update("key_relation", {"relation_id": 2}, relation="Spouse"), {"H2"}),
    "account": (lambda book: book.crm.update("investment_account", {"account_id": 2}, net_value=1), {"H2"}),
    "position": (lambda book: book.crm.update("investment_position", {"position_id": 1}, market_value=2), {"H1"}),
    "liability": (lambda book: book.crm.update("liability", {"liability_id": 1}, lender="Other"), {"H2"}),
    "policy": (lambda book: book.crm.update("policy", {"policy_id": 2}, annual_premium=1), {"H2"}),
    "beneficiary": (lambda book: book.crm.update("policy_beneficiary", {"policy_id": 1}, percentage=50), {"H1"}),
    "new phone": (lambda book: book.phone(2, 202, "603-555-0103"), {"H2"}),
    "vanished phone": (lambda book: book.crm.delete("contact_phone", phone_id=1), {"H1"}),
    "vanished position": (lambda book: book.crm.delete("investment_position", position_id=1), {"H1"}),
    "vanished beneficiary": (lambda book: book.crm.delete("policy_beneficiary", policy_id=1), {"H1"}),
    "vanished relation": (lambda book: book.crm.delete("key_relation", relation_id=2), {"H2"}),
    "deleted policy": (lambda book: book.crm.update("policy", {"policy_id": 2}, deleted_at=LATER), {"H2"}),
    "new household": (lambda book: book.couple(3), {"H3"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_any_kind_takes_its_unit_and_no_other(settled: Book, name: str) -> None:
    change, units = CHANGES[name]
    change(settled)
    assert taken(settled) == units


def test_a_figure_that_depends_on_the_date_takes_its_unit_every_night(settled: Book) -> None:
    settled.crm.update("liability", {"liability_id": 1}, loan_balance=None)
    settle(settled)
    assert taken(settled) == {"H2"}


def test_the_overlap_repeats_changes_shortly_before_the_last_run(settled: Book) -> None:
    settled.phone(2, 202, "603-555-0103")
    context = settled.context()
    plan_and_extract(context)
    units = context.staging.read("plan/scope")["units"]
    states = [
        {"unit_key": row.unit_key, "digest": int(row.digest), "basis": int(row.basis), "outcome": "updated"}
        for row in units.itertuples()
    ]
    close_run(context.ledger, context.request.run_id, Closing("success", states={"profiles": states}))
    assert taken(settled) == {"H2"}
    settled.set("refresh", overlap=timedelta(0))
    settled.crm.later(seconds=5)
    settle(settled)
    assert taken(settled) == set()


@pytest.mark.parametrize("outcome", ["held", "deferred", "failed", "skipped"])
def test_units_that_did_not_go_come_back(settled: Book, outcome: str) -> None:
    ledger = settled.context().ledger
    with ledger.write() as connection:
        connection.execute(sa.update(unit_state).where(unit_state.c.unit_key == "C7").values(outcome=outcome))
    assert taken(settled) == {"C7"}


def restamp(book: Book, table: str, key: str, stamp: str) -> None:
    """The row bears another time, as if it had been written so."""
    with book.crm.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET modified_at = :stamp WHERE {key}"), {"stamp": stamp})


def test_a_row_stamped_2099_hides_no_edits_and_its_household_is_checked(settled: Book) -> None:
    restamp(settled, "contact_phone", "phone_id = 1", "2099-01-01 00:00:00.000000")
    settle(settled)
    assert taken(settled) == {"H1"}
    settled.phone(2, 202, "603-555-0103")
    assert taken(settled) == {"H1", "H2"}
    restamp(settled, "contact_phone", "phone_id = 1", "2020-11-01 12:00:00.000000")
    settle(settled)
    assert taken(settled) == set()


@pytest.mark.parametrize("stamp", ["2020-11-01 12:00:00", "2020-11-05", "1999-12-31T23:59:59+05:00", "N/A", ""])
def test_a_stamp_that_moved_back_or_says_nothing_takes_its_unit(settled: Book, stamp: str) -> None:
    restamp(settled, "contact_email", "email_id = 1", stamp)
    assert taken(settled) == {"H1"}


def test_a_book_that_a_watermark_of_2099_has_frozen_thaws_by_itself(settled: Book) -> None:
    ledger = settled.context().ledger
    with ledger.write() as connection:
        connection.execute(sa.update(run_vendor).values(watermark=datetime(2099, 1, 1)))
    settled.crm.update("contact", {"contact_id": 202}, company="Quay")
    assert taken(settled) == {"H2"}
    settle(settled)
    assert (runs.last_watermark(ledger, "profiles") or LATER) < LATER


def test_units_with_digests_of_an_older_version_are_checked_once_and_trip_no_guard(sent: Book) -> None:
    sent.set("guard", at_least=1)
    with sent.context().ledger.write() as connection:
        connection.execute(sa.update(unit_state).values(digest=unit_state.c.digest + 1))
    night = sent.run()
    assert (night.stopped, night.outcomes("profiles"), night.outcomes("emoney")) == (
        None, {"H1": "unchanged"}, {"H1": "unchanged"},
    )  # fmt: skip


def test_a_future_stamp_is_reported_every_night_and_holds_no_unit(sent: Book) -> None:
    sent.phone(1, 102, "603-555-0101")
    restamp(sent, "contact_phone", "phone_id = 1", "2099-01-01 00:00:00.000000")
    nights = [sent.run(day) for day in (NEXT, "2026-11-24")]
    assert [night.outcomes("profiles")["H1"] for night in nights] == ["updated", "unchanged"]
    by_hand = run_by_hand(sent, 1, vendor="emoney", as_of="2026-11-24")
    restamp(sent, "contact_phone", "phone_id = 1", "2020-11-20 12:00:00")
    mended = sent.run("2026-11-25")
    for vendor, runs_of in (("profiles", [*nights, mended]), ("emoney", [*nights, by_hand, mended])):
        found = [ran.rows("finding_v", vendor=vendor, rule_id="SCP-CLOCK") for ran in runs_of]
        named = {tuple(row[name] for name in ("unit_key", "entity", "entity_id", "field")) for (row,) in found}
        assert named == {("H1", "contact_phone", "1", "modified_at")}
        assert [row["status"] for (row,) in found] == ["new", *["known"] * (len(found) - 2), "mended"]


def test_full_takes_everything(settled: Book) -> None:
    assert taken(settled, full=True) == {"H1", "H2", "C7"}


def test_a_crm_that_was_restored_from_a_backup_goes_on_from_there(settled: Book) -> None:
    with settled.crm.engine.begin() as connection:  # the last change of all is undone
        connection.execute(
            sa.text("UPDATE household SET modified_at = '2020-11-01 12:00:00.000000' WHERE household_id = 99")
        )
    settled.crm.moment -= timedelta(days=1)
    context = settled.context()
    plan_and_extract(context)
    close_run(context.ledger, context.request.run_id, Closing("success", states={"profiles": []}))
    settled.crm.later(hours=3)
    settled.phone(2, 202, "603-555-0103")
    assert "H2" in taken(settled)


def test_named_units_are_taken_also_unchanged_and_unknown_ones_are_named(settled: Book) -> None:
    assert taken(settled, unit_keys=("C7",)) == {"C7"}
    with pytest.raises(ParamsError, match="H404"):
        taken(settled, unit_keys=("H1", "H404"))
    with pytest.raises(ParamsError, match="H99"):
        taken(settled, unit_keys=("H99",))


def test_a_holiday_takes_no_unit_and_loses_no_change(settled: Book) -> None:
    settled.phone(2, 202, "603-555-0103")
    settled.crm.later(days=1)
    settled.crm.update("household", {"household_id": 99}, name="Nobody's")
    ran = settled.run("2026-11-26", is_holiday=True)
    assert ran.stopped is None
    assert ran.outcomes("profiles") == {}
    assert taken(settled) == {"H2"}


def test_enrollment_by_set_and_by_link(settled: Book) -> None:
    settled.crm.insert("contact_set", set_id=1, name="Planning")
    settled.crm.insert("contact_set_member", set_id=1, contact_id=101)
    settled.set("profiles", enroll="set:Planning")
    assert taken(settled, full=True) == {"H1"}
    settled.set("profiles", enroll="set:Nowhere")
    with pytest.raises(SettingsError, match="Nowhere"):
        taken(settled, full=True)
    settled.set("profiles", enroll="linked")
    assert taken(settled, full=True) == set()


def test_a_unit_that_leaves_the_enrollment_and_returns_is_looked_at_again(settled: Book) -> None:
    settled.crm.insert("contact_set", set_id=1, name="Planning")
    settled.crm.insert("contact_set_member", set_id=1, contact_id=101)
    settled.set("profiles", enroll="set:Planning")
    settle(settled)
    settled.phone(2, 202, "603-555-0103")
    settle(settled)
    settled.crm.insert("contact_set_member", set_id=1, contact_id=201)
    assert taken(settled) == {"H2"}


def test_a_lone_client_who_becomes_head_stays_enrolled_by_the_link(book: Book) -> None:
    book.person(7)
    book.run()
    book.set("profiles", enroll="linked")
    book.set("emoney", enroll="linked")
    book.crm.later(days=1)
    book.crm.insert("household", household_id=12, name="Home", head_contact_id=7)
    book.member(12, 7, "Head")
    for dry_run in (True, False):
        ran = book.run(NEXT, dry_run=dry_run)
        assert ran.stopped is None
        assert set(ran.outcomes("profiles")) == set(ran.outcomes("emoney")) == {"H12"}
        assert "created" not in ran.outcomes("profiles").values()
    assert set(book.links("profiles")) == set(book.links("emoney")) == {"H12"}
    assert len(book.vendors.cases()) == len(book.vendors.clients()) == 1


def test_members_of_a_deleted_household_are_units_of_their_own(book: Book) -> None:
    book.couple(1)
    book.crm.update("household", {"household_id": 1}, deleted_at=book.crm.moment)
    assert set(book.run(vendors=("profiles",)).outcomes("profiles")) == {"C101", "C102"}
