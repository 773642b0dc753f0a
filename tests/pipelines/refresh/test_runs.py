"""Whole runs against both sandboxes: what is created, what is left alone, what a night writes, what goes wrong."""

import json
import logging
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from etl.errors import StopRun
from etl.load.ledger import runs
from etl.load.ledger.story import unpack
from etl.load.profiles.deliver import ProfilesDelivery
from tests.load.killing import finish, run_and_kill, start
from tests.run_book import Book, closed_port

BEFORE, NEXT = "2026-11-19", "2026-11-23"


def made_since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {call: count - before.get(call, 0) for call, count in after.items() if count != before.get(call, 0)}


def test_a_first_run_creates_a_second_writes_nothing_and_the_next_night_sends_the_feed(book: Book) -> None:
    book.couple(1)
    book.person(7)
    first = book.run()
    assert first.stopped is None
    assert first.outcomes("profiles") == first.outcomes("emoney") == {"H1": "created", "C7": "created"}
    assert {("H1", "EMY-NEW")} == first.findings("emoney")
    before = book.vendors.writes()
    second = book.run()
    assert second.stopped is None
    assert made_since(before, book.vendors.writes()) == {}
    calls = book.vendors.calls()
    night = book.run(NEXT)
    assert night.outcomes("emoney") == {"H1": "unchanged", "C7": "unchanged"}
    made = made_since(calls, book.vendors.calls())
    assert made.pop("GET /public/v1/institutions/smartoffice/feeds/{feed_id}") >= 1
    assert made == {"POST /connect/token": 1, "PUT /public/v1/institutions/smartoffice/feeds/{feed_id}": 1}
    assert {one["connections"][0]["lastAsOf"] for one in book.vendors.clients().values()} == {NEXT}


def test_a_changed_household_alone_is_read_and_written(book: Book) -> None:
    for number in (1, 2, 3):
        book.couple(number)
    book.run()
    book.crm.later(days=1)
    book.phone(1, 101, "603-555-0101")
    book.crm.update("investment_account", {"account_id": 2}, account_value=1500, net_value=1500)
    before = book.vendors.calls()
    night = book.run(NEXT)
    # H3 is looked at again too: it changed less than the overlap before the first run.
    assert night.outcomes("profiles") == {"H1": "updated", "H2": "updated", "H3": "unchanged"}
    assert night.outcomes("emoney") == {"H1": "updated", "H2": "updated", "H3": "unchanged"}
    made = made_since(before, book.vendors.calls())
    assert (made["GET /api/cases/{case_id}"], made["PUT /api/cases/{case_id}"]) == (2, 2)
    assert made["PATCH /public/v1/clients/{client_id}"] == 1
    assert ("H1", "clientA.cellPhone", "written") in night.decisions("profiles")
    assert book.vendors.cases()["household:2"]["document"]["assets"][0]["holdingsValue"] == 1500


def test_the_report_tells_outcomes_that_balance_with_the_scope(book: Book) -> None:
    book.couple(1)
    book.person(7, birth_date=None)
    ran = book.run(report=True)
    assert ran.outcomes("profiles") == {"H1": "created", "C7": "held"}
    assert "DEM-BIRTH-DATE" in ran.reason("profiles", "C7")
    summary = book.run_json(ran)
    assert summary["outcomes"]["profiles"]["created"] == summary["outcomes"]["profiles"]["held"] == 1
    assert all(vendor["balanced"] for vendor in summary["books"].values())
    assert {path.name for path in ran.context.reports.iterdir()} >= {"worklist.html", "worklist.csv", "run.json"}
    assert not ran.context.staging.folder.exists()


def test_an_advisors_edit_and_a_stale_account_stand_in_the_findings_until_mended(sent: Book) -> None:
    sent.person(7)
    sent.crm.later(days=1)
    sent.crm.update("investment_account", {"account_id": 1}, deleted_at=sent.crm.moment)
    assert ("H1", "PROFILES-STALE") in sent.run(NEXT, vendors=("profiles",)).findings("profiles")
    sent.crm.later(days=1)
    quiet = sent.run("2026-11-24", full=True, vendors=("profiles",))
    assert quiet.outcomes("profiles") == {"H1": "unchanged", "C7": "unchanged"}
    (known,) = quiet.rows("finding_v", rule_id="PROFILES-STALE")
    assert (known["status"], known["field"]) == ("known", "assets[account:1]")
    other = sent.run("2026-11-24", unit_keys=("C7",), vendors=("profiles",))
    assert other.findings("profiles") == set()
    sent.crm.update("investment_account", {"account_id": 1}, deleted_at=None)
    mended = sent.run("2026-11-25", vendors=("profiles",))
    assert [row["status"] for row in mended.rows("finding_v", rule_id="PROFILES-STALE")] == ["mended"]


def test_a_dry_run_writes_nothing_and_reports_what_it_would_do(book: Book) -> None:
    book.couple(1)
    would = book.run(dry_run=True)
    assert would.outcomes("profiles") == would.outcomes("emoney") == {"H1": "created"}
    assert book.vendors.writes() == {}
    assert book.links("profiles") == {}
    fields = {row["field"]: unpack(row["after"]) for row in would.rows("field_change", decision="written")}
    assert fields["clientA.firstName"] == fields["firstName"] == "First101"
    assert (fields["clientB.firstName"], fields["spouse.firstName"]) == ("First102", "First102")
    assert fields["assets[account:1].holdingsValue"] == fields["items[account:1].holdingsValue"] == 1000
    assert None not in fields.values()


def test_a_dry_run_of_sent_units_reports_the_changes_and_leaves_the_ledgers_copy(sent: Book) -> None:
    with sent.context().ledger.read() as connection:
        kept = connection.execute(sa.text("SELECT * FROM sent")).all()
    sent.crm.later(days=1)
    sent.phone(1, 101, "603-555-0101")
    sent.crm.update("investment_account", {"account_id": 1}, account_value=2000, net_value=2000)
    sent.account(2, 101)
    before = sent.vendors.writes()
    would = sent.run(NEXT, dry_run=True, report=True)
    assert would.outcomes("profiles") == would.outcomes("emoney") == {"H1": "updated"}
    assert ("H1", "cellPhone", "written") in would.decisions("emoney")
    told = {row["field"]: row for row in would.rows("field_change", decision="written")}
    (was, now) = (unpack(told["clientA.cellPhone"][end]) for end in ("before", "after"))
    assert (was, now) == (None, "603-555-0101")
    (was, now) = (unpack(told["items[account:1].holdingsValue"][end]) for end in ("before", "after"))
    assert (was, now) == (1000, 2000)
    assert {"assets[account:2].holdingsValue", "items[account:2].holdingsValue"} <= set(told)
    assert "items[policy:1].policyName" not in told
    assert "603-555-0101" not in (would.context.reports / "run.json").read_text()
    sheet = openpyxl.load_workbook(would.context.reports / "worklist.xlsx", read_only=True)["changes"]
    shown = [row for row in sheet.iter_rows(values_only=True) if "clientA.cellPhone" in row]
    assert [row[-2:] for row in shown] == [("null", '"603-555-0101"')]
    assert sent.vendors.writes() == before
    with sent.context().ledger.read() as connection:
        assert connection.execute(sa.text("SELECT * FROM sent")).all() == kept
    assert sent.run(NEXT, vendors=("profiles",)).outcomes("profiles") == {"H1": "updated"}


def test_an_older_date_after_a_newer_one_changes_nothing(sent: Book) -> None:
    sent.phone(1, 101, "603-555-0101")
    before = sent.vendors.writes()
    older = sent.run(BEFORE)
    assert older.outcomes("profiles") == older.outcomes("emoney") == {"H1": "skipped"}
    assert sent.vendors.writes() == before
    assert sent.run(vendors=("profiles",)).outcomes("profiles") == {"H1": "updated"}


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_vendor_that_is_down_defers_its_units_and_the_run_succeeds(book: Book, vendor: str) -> None:
    for number in (1, 2, 3):
        book.couple(number)
    other = "emoney" if vendor == "profiles" else "profiles"
    way = book.connections[vendor]
    assert way is not None
    book.connections[vendor] = replace(way, port=closed_port())
    ran = book.run()
    assert ran.stopped is None
    assert set(ran.outcomes(vendor).values()) == {"deferred"}
    assert set(ran.outcomes(other).values()) == {"created"}
    book.connections[vendor] = way
    assert set(book.run(vendors=(vendor,)).outcomes(vendor).values()) == {"created"}


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_wrong_credentials_stop_one_vendor_and_the_other_goes_on(book: Book, vendor: str) -> None:
    book.couple(1)
    other = "emoney" if vendor == "profiles" else "profiles"
    way = book.connections[vendor]
    assert way is not None
    book.connections[vendor] = replace(way, password="wrong")
    ran = book.run()
    assert isinstance(ran.stopped, StopRun)
    assert ran.outcomes(vendor) == {"H1": "failed"}
    assert ran.outcomes(other) == {"H1": "created"}
    book.connections[vendor] = way
    again = book.run()
    assert again.stopped is None
    assert again.outcomes(vendor) == {"H1": "created"}
    assert again.outcomes(other) == {"H1": "unchanged"}


def test_credentials_that_end_before_the_feed_fail_the_units_whose_values_did_not_go(sent: Book) -> None:
    way = sent.connections["emoney"]
    assert way is not None
    sent.connections["emoney"] = replace(way, password="wrong")
    assert sent.run(NEXT, vendors=("emoney",)).outcomes("emoney") == {"H1": "failed"}
    sent.connections["emoney"] = way
    assert sent.run(NEXT, vendors=("emoney",)).outcomes("emoney") == {"H1": "unchanged"}


def test_a_feed_that_fails_defers_a_new_client_and_the_next_run_refreshes_it(book: Book) -> None:
    book.couple(1)
    book.vendors.emoney.faults({"kind": "feed_fails"})
    ran = book.run(vendors=("emoney",))
    assert ran.outcomes("emoney") == {"H1": "deferred"}
    assert ran.reason("emoney", "H1").startswith("the client was created")
    book.vendors.emoney.faults()
    assert book.run(vendors=("emoney",)).outcomes("emoney") == {"H1": "updated"}
    assert len(book.vendors.clients()) == 1


def test_categories_that_the_office_chose_are_linked_and_other_items_wait(book: Book) -> None:
    book.set("emoney", auto_link=("Investment Account",))
    book.couple(1)
    ran = book.run(vendors=("emoney",))
    (client,) = book.vendors.clients().values()
    assert {one["sourceKey"]: one["state"] for one in client["accounts"]} == {
        "account:1": "linked",
        "policy:1": "available",
    }
    assert [(row["entity"], row["entity_id"]) for row in ran.rows("finding_v", rule_id="EMY-NEW")] == [("policy", "1")]
    assert ("H1", "items[account:1]", "linked") in ran.decisions("emoney")
    book.crm.later(days=1)
    book.crm.update("investment_account", {"account_id": 1}, account_value=1500, net_value=1500)
    book.run(NEXT, vendors=("emoney",))
    (client,) = book.vendors.clients().values()
    assert client["accounts"][0]["totalValue"] == 1500


def test_an_account_that_leaves_the_crm_is_reported_and_stays_at_emoney(sent: Book) -> None:
    sent.crm.later(days=1)
    sent.crm.update("policy", {"policy_id": 1}, deleted_at=sent.crm.moment)
    assert ("H1", "EMY-GONE") in sent.run(NEXT, vendors=("emoney",)).findings("emoney")
    (client,) = sent.vendors.clients().values()
    assert {one["sourceKey"]: one["isMissing"] for one in client["accounts"]} == {"account:1": False, "policy:1": True}


def test_a_killed_runs_feed_is_read_back_by_the_next_run(book: Book) -> None:
    book.couple(1)
    book.vendors.emoney.faults({"kind": "feed_stays_running"})
    assert book.run(vendors=("emoney",)).outcomes("emoney") == {"H1": "deferred"}
    book.vendors.emoney.faults()
    ran = book.run(vendors=("emoney",))
    assert ran.outcomes("emoney") == {"H1": "updated"}
    assert ("H1", "EMY-NEW") in ran.findings("emoney")
    assert len(book.vendors.feeds()) == 1


def test_the_next_try_of_a_killed_load_reports_the_writes_of_the_first(book: Book) -> None:
    for number in (1, 2, 3):
        book.couple(number)
    context = book.context(run_id="killed")
    shards = book.prepare(context)
    for at_step in (12, 25, 40, 70, 90):
        run_and_kill(lambda: book.load(book.context(run_id="killed"), shards), at_step)
    book.load(book.context(run_id="killed"), shards)
    ran = book.report(book.context(run_id="killed"))
    assert ran.stopped is None
    assert set(ran.outcomes("profiles").values()) == set(ran.outcomes("emoney").values()) == {"created"}
    assert len(book.vendors.cases()) == len(book.vendors.clients()) == 3
    before = book.vendors.writes()
    book.run()
    assert book.vendors.writes() == before


def test_two_runs_at_once_make_each_household_once(book: Book) -> None:
    for number in (1, 2, 3):
        book.couple(number)
    prepared = [(f"race-{number}", book.prepare(book.context(run_id=f"race-{number}"))) for number in (1, 2)]
    work = [
        lambda run_id=run_id, shards=shards: book.load(book.context(run_id=run_id), shards)
        for run_id, shards in prepared
    ]
    assert [finish(process) for process in [start(one) for one in work]] == [0, 0]
    assert len(book.vendors.cases()) == len(book.vendors.clients()) == 3
    before = book.vendors.writes()
    after = book.run()
    assert set(after.outcomes("profiles").values()) <= {"unchanged"}
    assert set(made_since(before, book.vendors.writes())) <= {"PUT /public/v1/institutions/smartoffice/feeds/{feed_id}"}


def test_no_log_and_no_ledger_text_holds_a_clients_data(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.couple(1, first_name="Xanthippe", last_name="Quillfeather", birth_date=date(1951, 3, 7))
    book.policy(2, 101, "SECRET-9998877")
    book.vendors.profiles.faults(
        {"kind": "unavailable", "count": 1}, {"kind": "html", "method": "POST", "count": 1, "after": 1}
    )
    book.vendors.emoney.faults(
        {"kind": "feed_rejects", "lines": [1]}, {"kind": "reset_after", "method": "POST", "count": 1}
    )
    caplog.set_level(logging.DEBUG)
    ran = book.run(report=True)
    secrets = ("Xanthippe", "Quillfeather", "1951-03-07", "SECRET-9998877")
    assert not [word for word in secrets if word in caplog.text]
    told = json.dumps([ran.rows(view) for view in ("outcome_v", "finding_v", "run_v")], default=str)
    assert not [word for word in secrets if word in told]
    reports = "".join(
        path.read_text() for path in Path(ran.context.reports).rglob("*") if path.suffix in (".json", ".html")
    )
    assert "SECRET-9998877" not in reports
    assert "Quillfeather" not in (ran.context.reports / "run.json").read_text()
    (client,) = book.vendors.clients().values()
    assert "SECRET-9998877" not in json.dumps(client)


def test_a_defect_in_one_household_does_not_stop_the_others(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    book.couple(1)
    book.couple(2)
    bring_up_to_date = ProfilesDelivery.bring_up_to_date

    def stumble(to: ProfilesDelivery, job: Any, payload: Any, standing: Any) -> Any:
        if payload.unit_key == "H1":
            raise KeyError("Quillfeather")
        return bring_up_to_date(to, job, payload, standing)

    monkeypatch.setattr(ProfilesDelivery, "bring_up_to_date", stumble)
    ran = book.run(vendors=("profiles",))
    assert ran.stopped is None
    assert ran.outcomes("profiles") == {"H1": "failed", "H2": "created"}
    assert "KeyError" in ran.reason("profiles", "H1")
    assert "Quillfeather" not in ran.reason("profiles", "H1")


def test_units_that_no_load_reached_are_failed_and_come_back(book: Book) -> None:
    book.couple(1)
    context = book.context(vendors=("profiles",))
    book.prepare(context)
    ran = book.report(context)
    assert ran.outcomes("profiles") == {"H1": "failed"}
    assert set(book.run(vendors=("profiles",)).outcomes("profiles").values()) == {"created"}
    assert runs.why_stopped(context.ledger, context.request.run_id) == {}


def test_a_run_with_fewer_outcomes_than_units_has_failed(book: Book) -> None:
    book.couple(1)
    context = book.context(vendors=("profiles",))
    shards, run_id = book.prepare(context), context.request.run_id
    runs.plan_vendor(context.ledger, run_id, "profiles", None, 2)
    book.load(context, shards)
    assert book.report(context).outcomes("profiles") == {"H1": "created"}
    assert runs.require_run(context.ledger, run_id)["status"] == "failed"
