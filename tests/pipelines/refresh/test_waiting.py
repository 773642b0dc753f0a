"""EMY-NEW: what waits at eMoney to be linked stands open, with its age, until it is linked or gone."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.keys import vendor_keys
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import DAY, Book, Ran
from tests.sandbox.running import EmoneyCaller, private_key_of

NEXT, THIRD = "2026-11-23", "2026-11-24"
ACCOUNTS = "GET /public/v1/clients/{client_id}/accounts"


def waiting(ran: Ran) -> set[tuple[str, str, str]]:
    """(entity, id, status)"""
    return {(row["entity"], row["entity_id"], row["status"]) for row in ran.rows("finding_v", rule_id="EMY-NEW")}


def standing(book: Book) -> set[tuple[str, str, str]]:
    """(unit, record, since when) of what stands open."""
    rows = "SELECT unit_key, entity, entity_id, since FROM open_finding_v WHERE rule_id = 'EMY-NEW'"
    with book.context().ledger.read() as connection:
        found = connection.execute(sa.text(rows)).mappings()
        return {(row["unit_key"], f"{row['entity']}:{row['entity_id']}", str(row["since"])) for row in found}


def link_at_emoney(book: Book, source_key: str) -> None:
    """An advisor links one of H1's accounts or policies in the browser."""
    client_id = book.links("emoney")["H1"]["vendor_client_id"]
    form = {"sourceKey": source_key, "classification": "Investment Account", "owner": "client"}
    assert book.vendors.emoney.send_form(f"/clients/{client_id}/links", **form).status_code == 303


def night(book: Book, as_of: str, **request: Any) -> Ran:
    return book.run(as_of, vendors=("emoney",), **request)


def test_an_unchanged_night_reports_it_as_known_with_its_age_and_makes_no_call(sent: Book) -> None:
    assert standing(sent) == {("H1", "account:1", DAY), ("H1", "policy:1", DAY)}
    calls = sent.vendors.calls().get(ACCOUNTS, 0)
    for as_of in (NEXT, THIRD):
        ran = night(sent, as_of, report=True)
        assert ran.outcomes("emoney") == {"H1": "unchanged"}
        assert waiting(ran) == {("account", "1", "known"), ("policy", "1", "known")}
    assert sent.vendors.calls().get(ACCOUNTS, 0) == calls
    items = sent.run_json(ran)["newly_available"]["items"]
    assert {(one["source_key"], one["category"], one["since"]) for one in items} == {
        ("account:1", "Investment Account", DAY), ("policy:1", "Life", DAY),
    }  # fmt: skip
    assert f'"{DAY}"' in (ran.context.reports / "worklist.csv").read_text()
    assert standing(sent) == {("H1", "account:1", DAY), ("H1", "policy:1", DAY)}


def test_an_item_that_an_advisor_has_linked_waits_no_longer(sent: Book) -> None:
    link_at_emoney(sent, "account:1")
    ran = night(sent, NEXT)
    assert waiting(ran) == {("account", "1", "mended"), ("policy", "1", "known")}
    assert ("H1", "items[account:1]", "linked_by_advisor") in ran.decisions("emoney")
    assert standing(sent) == {("H1", "policy:1", DAY)}
    assert waiting(night(sent, THIRD)) == {("policy", "1", "known")}


def test_an_item_that_has_left_the_crm_waits_no_longer(sent: Book) -> None:
    sent.crm.later(days=1)
    sent.crm.update("policy", {"policy_id": 1}, deleted_at=sent.crm.moment)
    assert waiting(night(sent, NEXT)) == {("account", "1", "known"), ("policy", "1", "mended")}


def test_a_household_that_is_held_waits_on(sent: Book) -> None:
    sent.crm.later(days=1)
    sent.crm.update("contact", {"contact_id": 101}, birth_date=None)
    ran = night(sent, NEXT)
    assert ran.outcomes("emoney") == {"H1": "held"}
    assert waiting(ran) == {("account", "1", "known"), ("policy", "1", "known")}


def test_a_dry_run_mends_nothing(sent: Book) -> None:
    assert waiting(night(sent, NEXT, dry_run=True)) == {("account", "1", "known"), ("policy", "1", "known")}
    assert len(standing(sent)) == 2


def test_by_hand_an_item_that_is_not_listed_any_more_was_linked_by_an_advisor(sent: Book) -> None:
    link_at_emoney(sent, "policy:1")
    ran = run_by_hand(sent, 1, vendor="emoney")
    assert waiting(ran) == {("account", "1", "known"), ("policy", "1", "mended")}
    assert ("H1", "items[policy:1]", "linked_by_advisor") in ran.decisions("emoney")


def test_a_load_that_dies_with_the_feeds_answer_in_its_hands_loses_nothing(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eMoney says once what is new: it is in the ledger before the feed is through."""
    book.couple(1)
    context = book.context(run_id="night", vendors=("emoney",))
    shards = book.prepare(context)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("include.pipelines.refresh.emoney_values._report_new", die)
        with pytest.raises(KeyboardInterrupt):
            book.load(context, shards)
    again = book.context(run_id="night", vendors=("emoney",))
    book.load(again, shards)
    assert waiting(book.report(again)) == {("account", "1", "new"), ("policy", "1", "new")}


def test_a_field_that_stays_as_it_was_edited_at_emoney_stands_open_until_the_client_is_written_again(
    sent: Book, tmp_path: Path
) -> None:
    (tmp_path / "private.pem").write_text(vendor_keys()[0])
    office = EmoneyCaller(sent.vendors.emoney.url, private_key=private_key_of(tmp_path))
    office.log_in()
    client_id = sent.links("emoney")["H1"]["vendor_client_id"]
    office("PATCH", f"/public/v1/clients/{client_id}", json={"job": {"title": "Chef"}})
    sent.set("emoney", keep="job")
    sent.crm.later(days=1)
    sent.crm.update("contact", {"contact_id": 101}, job_title="Cook")
    told = [night(sent, as_of).rows("finding_v", rule_id="EMY-OVERWRITTEN") for as_of in (NEXT, THIRD)]
    assert [[(one["field"], one["status"]) for one in rows] for rows in told] == [
        [("job.title", "new")],
        [("job.title", "known")],
    ]
    assert sent.vendors.clients()["contact:101"]["client"]["job"]["title"] == "Chef"
