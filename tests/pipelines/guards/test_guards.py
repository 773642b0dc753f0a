"""What is implausible stops a run before its first write, for all causes at once; a person may release just that."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.errors import StopRun
from include.pipelines.guards.stop import Cause, require_plausible
from include.pipelines.run.context import VENDORS, RunContext
from tests.run_book import Book, BookSnapshot, Ran, Restore, snapshot

NEXT = "2026-11-23"
ADDRESSES = {1: "NH", 2: "NH", 3: "NH", 4: "MA"}
RELEASE = {"release_guard": "checked with the office", "requested_by": "ann", "triggered_by": "ann"}


@snapshot
def office_kept(book: Book) -> None:
    """Four couples were sent to both vendors by run-1; two units are enough for a guard."""
    for number, state in ADDRESSES.items():
        book.couple(number)
        book.crm.insert(
            "contact_address", address_id=number, contact_id=number * 100 + 1, address_type="Residence",
            line1=f"{number} Hill Road", city="Salem", state=state,
        )  # fmt: skip
    book.run()


@pytest.fixture
def office(office_kept: BookSnapshot, restore: Restore) -> Book:
    book = restore(office_kept)
    book.set("guard", at_least=2)
    return book


def all_of(book: Book, table: str, where: str = "1 = 1", **values: object) -> None:
    """As an import does it: many rows at once, with a stamp of today."""
    book.crm.later(hours=1)
    changes = ", ".join(f"{name} = {value}" for name, value in values.items())
    stamp = f"modified_at = '{book.crm.moment}'"
    with book.crm.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET {changes}, {stamp} WHERE {where}"))


def remove(book: Book, *tables: str, where: str = "1 = 1") -> None:
    with book.crm.engine.begin() as connection:
        for table in tables:
            connection.execute(sa.text(f"DELETE FROM {table} WHERE {where}"))


def stop_of(ran: Ran) -> str:
    """The words of a run that a guard has stopped, and that left no unit as if it were done."""
    assert isinstance(ran.stopped, StopRun)
    outcomes = {row["outcome"] for row in ran.rows("outcome_v")}
    assert outcomes <= {"failed"}
    return str(ran.stopped)


def test_an_extract_without_accounts_and_policies_sends_no_empty_feeds(office: Book) -> None:
    remove(office, "investment_account", "policy")
    before = office.vendors.writes()
    stopped = stop_of(office.run(NEXT, vendors=("emoney",)))
    assert office.vendors.writes() == before
    for cause in (
        "investment_account: all 4 records are gone",
        "policy: all 4 records are gone",
        "investment_account: 4 of 4 that the last feed had would be missing from this one",
        "policy: 4 of 4 that the last feed had would be missing from this one",
        "PLANBRIDGE__GUARD__MAX_GONE_PERCENT",
    ):
        assert cause in stopped


def test_every_policy_of_one_office_that_is_gone_is_named_by_the_office(office: Book) -> None:
    for number in (1, 2):
        office.crm.update("household", {"household_id": number}, office_id=2)
    office.run(vendors=("profiles",))
    remove(office, "policy", where="policy_id IN (1, 2)")
    stopped = stop_of(office.run(NEXT, vendors=("profiles",)))
    assert "policy: all 2 records of office 2 are gone" in stopped


def test_records_that_are_new_elsewhere_do_not_hide_those_that_are_gone(office: Book) -> None:
    remove(office, "investment_account", where="account_id IN (1, 2)")
    for account_id in (31, 32):
        office.account(account_id, 301)
    stopped = stop_of(office.run(NEXT, vendors=("profiles",)))
    assert "investment_account: 2 of 4 records are gone" in stopped


def test_linked_units_that_are_no_longer_in_the_crm_stop_the_run(office: Book) -> None:
    for number in (1, 2):
        office.crm.update("household", {"household_id": number}, deleted_at=office.crm.moment)
    remove(office, "contact", where="contact_id < 300")
    before = office.vendors.writes()
    for _ in range(2):  # the next run says it again: what was stopped has not been dealt with
        stopped = stop_of(office.run(NEXT))
        assert "Profiles: 2 of 4 linked units are no longer in the CRM: H1, H2" in stopped
    assert office.vendors.writes() == before


def test_a_unit_that_leaves_alone_stops_nothing(office: Book) -> None:
    office.crm.update("household", {"household_id": 1}, deleted_at=office.crm.moment)
    remove(office, "contact", where="contact_id < 200")
    assert office.run(NEXT).stopped is None
    # Once a run is through it is not counted again.
    office.crm.update("household", {"household_id": 2}, deleted_at=office.crm.moment)
    remove(office, "contact", where="contact_id < 300")
    assert office.run("2026-11-24", vendors=("profiles",)).stopped is None


def test_values_that_change_alike_are_named_by_field_and_pattern(office: Book) -> None:
    all_of(office, "contact_address", state="CASE state WHEN 'NH' THEN 'VT' ELSE state END", line1="upper(line1)")
    all_of(office, "contact", birth_date="date(birth_date, '-1 day')")
    value = "account_value * 100 + account_id"
    all_of(office, "investment_account", account_value=value, net_value=value)
    all_of(office, "policy", total_death_benefit="0", annual_premium="annual_premium / 100.0")
    before = office.vendors.writes()
    stopped = stop_of(office.run(NEXT))
    assert office.vendors.writes() == before
    for cause in (
        "3 × contact_address, client.address.state: NH → VT (75 %, allowed 10 %: PLANBRIDGE__GUARD__MAX_ALIKE_PERCENT)",
        "4 × contact_address, client.address.line1: '9 Aa' → '9 A'",
        "4 × contact, client.dateOfBirth: 1 day earlier",
        "4 × investment_account, items[].holdingsValue: × 100",
        "4 × policy, items[].currentDeathBenefits: → 0",
        "4 × policy, insurancePolicies[].annualPremium: ÷ 100",
        "3 × contact_address, clientA.addressInfo.state: NH → VT",
        "Profiles: (1) 4 of 4 linked units would be updated",
        "eMoney: (1) 4 of 4 linked units would be updated",
    ):
        assert cause in stopped


def test_values_that_change_each_in_its_own_way_stop_nothing(office: Book) -> None:
    for number in ADDRESSES:
        value = 1000 + 7 * number
        office.crm.update("investment_account", {"account_id": number}, account_value=value, net_value=value)
    assert office.run(NEXT, vendors=("emoney",)).outcomes("emoney") == dict.fromkeys(
        ["H1", "H2", "H3", "H4"], "updated"
    )


def test_many_creations_beside_the_linked_units_stop_the_run(office: Book) -> None:
    for number in (5, 6):
        office.couple(number)
    before = office.vendors.writes()
    stopped = stop_of(office.run(NEXT, vendors=("profiles",)))
    assert "2 units would be created, beside 4 that are linked" in stopped
    assert "MAX_CREATED_PERCENT" in stopped
    assert office.vendors.writes() == before


def test_a_vendor_that_is_plausible_again_does_not_stand_in_the_way_of_the_others_release(book: Book) -> None:
    def judge(profiles_is_stopped: bool, **request: str) -> None:
        causes = {vendor: [Cause("changed", vendor, "much would change", 9, 9)] for vendor in VENDORS}
        if not profiles_is_stopped:
            causes["profiles"] = []
        documents = {vendor: {"H1": "hash", "H2": f"{profiles_is_stopped}"} for vendor in VENDORS}
        require_plausible(book.context(NEXT, **request), causes, documents)

    for profiles_is_stopped in (True, False):
        with pytest.raises(StopRun, match="eMoney: much would change"):
            judge(profiles_is_stopped)
    judge(False, **RELEASE)


def test_a_unit_that_breaks_one_rule_twice_counts_once(office: Book) -> None:
    for contact_id in (101, 102):
        office.crm.update("contact", {"contact_id": contact_id}, birth_date=None)
    ran = office.run(NEXT, vendors=("profiles",))
    assert ran.stopped is None
    assert ran.outcomes("profiles")["H1"] == "held"


def test_units_that_were_named_are_not_guarded(office: Book) -> None:
    all_of(office, "contact_address", state="NULL")
    ran = office.run(NEXT, vendors=("profiles",), unit_keys=("H1", "H2", "H3", "H4"))
    assert set(ran.outcomes("profiles").values()) == {"updated"}


def test_a_dry_run_reports_the_guard_and_goes_on(office: Book) -> None:
    all_of(office, "contact_address", state="NULL")
    ran = office.run(NEXT, vendors=("profiles",), dry_run=True, report=True)
    assert ran.stopped is None
    said = office.run_json(ran)["settings"]["Profiles guards would stop this"]
    assert "4 × contact_address, clientA.addressInfo.state: → blank" in said
    assert "release" in str(office.run(NEXT, vendors=("profiles",), **RELEASE).stopped)  # nothing was stopped


class TestARelease:
    def test_goes_on_with_exactly_the_stopped_run_and_names_who_released_it(self, office: Book) -> None:
        all_of(office, "contact_address", state="NULL")
        stopped = office.run(NEXT)
        assert "release_guard" in str(stopped.stopped)
        ran = office.run(NEXT, **RELEASE, report=True)
        assert ran.stopped is None
        assert set(ran.outcomes("profiles").values()) == set(ran.outcomes("emoney").values()) == {"updated"}
        for row in (rows := ran.rows("guard_release")):
            assert (row["released_by"], row["reason"]) == ("ann", "checked with the office")
            assert row["stopped_run_id"] == stopped.context.request.run_id
        assert {row["vendor"] for row in rows} == {"profiles", "emoney"}
        said = office.run_json(ran)["settings"]["eMoney guard released"]
        assert said == f"checked with the office (ann; stopped in {stopped.context.request.run_id})"
        # What was released is done: there is nothing more to release.
        assert "no run that a guard has stopped waits" in str(office.run(NEXT, **RELEASE).stopped)

    def test_stops_again_where_the_documents_have_changed(self, office: Book) -> None:
        all_of(office, "contact_address", state="NULL")
        office.run(NEXT, vendors=("profiles",))
        office.phone(1, 101, "603-555-0101")
        before = office.vendors.writes()
        stopped = stop_of(office.run(NEXT, vendors=("profiles",), **RELEASE))
        assert "changed: H1" in stopped
        assert office.vendors.writes() == before
        # Somebody has looked at that, too.
        assert office.run(NEXT, vendors=("profiles",), **RELEASE).stopped is None

    def test_sends_nothing_else_where_the_crm_was_mended_meanwhile(self, office: Book) -> None:
        all_of(office, "contact_address", state="NULL")
        office.run(NEXT, vendors=("profiles",))
        all_of(office, "contact_address", state="'NH'")
        before = office.vendors.writes()
        assert "No guard stops this" in stop_of(office.run(NEXT, vendors=("profiles",), **RELEASE))
        assert office.vendors.writes() == before

    def test_needs_a_person(self, office: Book) -> None:
        ran = office.run(NEXT, vendors=("profiles",), release_guard="checked")
        assert "needs a person" in str(ran.stopped)

    def test_is_taken_up_by_a_check_that_runs_again(self, office: Book) -> None:
        all_of(office, "contact_address", state="NULL")
        office.run(NEXT, vendors=("profiles",))
        context = office.context(NEXT, vendors=("profiles",), **RELEASE)
        shards = office.prepare(context)
        office.load(context, shards)
        assert office.prepare(context) == shards
        assert set(office.report(context).outcomes("profiles").values()) == {"updated"}

    def test_covers_a_check_that_runs_again_with_the_released_documents_alone(self, book: Book) -> None:
        def judge(context: RunContext, content_hash: str) -> None:
            causes = {"profiles": [Cause("changed", "profiles", "much would change", 9, 9)]}
            require_plausible(context, causes, {"profiles": {"H1": content_hash}})

        with pytest.raises(StopRun):
            judge(book.context(NEXT), "seen")
        released = book.context(NEXT, **RELEASE)
        for _ in range(2):
            judge(released, "seen")
        with pytest.raises(StopRun, match="changed: H1"):
            judge(released, "other")


class TestALedgerThatWasLost:
    def lose(self, office: Book, tmp_path: Path) -> None:
        office.close()
        for file in (tmp_path / "data").glob("ledger.db*"):
            file.unlink()

    def test_is_found_by_the_data_folder(self, office: Book, tmp_path: Path) -> None:
        self.lose(office, tmp_path)
        office.set("profiles", enroll="linked")
        office.vendors.reset()
        stopped = stop_of(office.run(NEXT, vendors=("profiles",)))
        assert "the ledger has no unit at Profiles, but the ledger of this data folder had" in stopped

    @pytest.mark.parametrize(
        ("vendor", "enroll", "known"),
        [
            ("profiles", "linked", "Profiles has H1,"),
            ("emoney", "linked", "eMoney has H1,"),
            ("emoney", "all", "H1, H2"),
        ],
    )
    def test_is_found_at_the_vendor_where_the_data_folder_is_empty_too(
        self, office: Book, tmp_path: Path, vendor: str, enroll: str, known: str
    ) -> None:
        office.close()
        office.set("data", folder=tmp_path / "elsewhere")
        office.set(vendor, enroll=enroll)
        before = office.vendors.writes()
        stopped = stop_of(office.run(NEXT, vendors=(vendor,)))
        assert "the ledger has no unit at" in stopped
        assert known in stopped
        assert office.vendors.writes() == before

    def test_is_no_cause_where_nothing_was_ever_sent(self, book: Book) -> None:
        book.couple(1)
        book.set("profiles", enroll="linked")
        assert book.run(vendors=("profiles",)).stopped is None
