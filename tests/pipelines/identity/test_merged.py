"""Contacts that the CRM has merged: the vendors' records go on, with all that was linked and typed there."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from etl.load.job import WantedLink
from tests.load.advisors import edit_person
from tests.load.ledger.desk.desks import check_laws, rows_of
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book, BookSnapshot, Restore, snapshot

NEXT, LATER = "2026-11-23", "2026-11-24"
GONE = datetime(2026, 11, 2)
VENDORS = ("profiles", "emoney")
# The rows of a contact, by table and column: a merge gives them all to the other one.
ROWS = (
    ("contact_phone", "contact_id"), ("investment_account", "primary_contact_id"), ("policy", "primary_contact_id"),
    ("household", "head_contact_id"), ("household_member", "contact_id"), ("key_relation", "contact_id"),
    ("key_relation", "related_contact_id"), ("policy_beneficiary", "contact_id"),
)  # fmt: skip


def merge(book: Book, merged: int, into: int, **values: Any) -> None:
    """SmartOffice merges one contact into another that looks like it, but for ``values``."""
    with book.crm.engine.connect() as connection:
        row = (
            connection.execute(sa.text("SELECT * FROM contact WHERE contact_id = :id"), {"id": merged}).mappings().one()
        )
    same = {name: row[name] for name in ("first_name", "last_name", "gender", "marital_status", "contact_type")}
    book.person(into, **{**same, **values})
    for table, column in ROWS:
        book.crm.update(table, {column: merged}, **{column: into})
    book.crm.update("contact", {"contact_id": merged}, deleted_at=GONE)


def everybody_is_sent(book: Book) -> None:
    """Three couples, one with a son who is a beneficiary, and a lone client; accounts linked, fields typed."""
    for number in (1, 2, 3):
        book.couple(number)
    book.person(303, last_name="Last301")
    book.member(3, 303, "Son")
    book.crm.insert("policy_beneficiary", policy_id=3, contact_id=303)
    book.person(7)
    book.account(7, 7)
    book.run()
    for household_id, contact_id, key in ((1, None, "account:1"), (2, None, "account:2"), (None, 7, "account:7")):
        run_by_hand(book, household_id, contact_id=contact_id, vendor="emoney", links=(WantedLink(key),))
    for key in ("household:1", "household:2", "household:3", "contact:7"):
        edit_person(book.vendors, key=key, homePhone="603-555-0177")


@snapshot
def everybody(book: Book) -> None:
    everybody_is_sent(book)


def at_the_vendors(book: Book) -> dict[str, Any]:
    """Which records there are, what advisors typed, which accounts are linked, and which dependents a case has."""
    cases, clients = book.vendors.cases(), book.vendors.clients()
    return {
        "cases": {key: (case["caseId"], case["document"]["clientA"]["homePhone"]) for key, case in cases.items()},
        "dependents": [one["externalSourceId"] for one in cases["household:3"]["document"]["dependents"]],
        "beneficiaries": [one["beneficiaries"] for one in cases["household:3"]["document"]["insurancePolicies"]],
        "clients": {
            key: (one["client"]["id"] if "id" in one["client"] else one["id"], (one["spouse"] or {}).get("externalId"),
                  sorted((a["sourceKey"], a["state"]) for a in one["accounts"]))
            for key, one in clients.items()
        },
    }  # fmt: skip


def test_head_spouse_lone_client_and_dependent_keep_their_records_with_links_and_edits(
    everybody: BookSnapshot, restore: Restore
) -> None:
    book = restore(everybody)
    before = at_the_vendors(book)
    for merged, into in ((101, 190), (202, 290), (7, 8), (303, 393)):
        merge(book, merged, into)
    book.account(11, 190)
    book.crm.update("investment_account", {"account_id": 7}, account_value=7777, net_value=7777)
    night = book.run(NEXT)
    events = rows_of(night.context.ledger, "SELECT kind, run_id FROM work_item_event_v WHERE unit_key = 'C7'")
    assert {one["kind"] for one in events if one["run_id"] == night.context.request.run_id} == {"ended"}
    check_laws(night.context.ledger)
    for vendor in VENDORS:
        assert set(night.outcomes(vendor)) == {"H1", "H2", "H3", "C8"}
        assert set(night.outcomes(vendor).values()) <= {"updated", "unchanged"}
        assert night.findings(vendor) & {(key, "LIFE-EVENT") for key in night.outcomes(vendor)} == set()
    after = at_the_vendors(book)
    of_head = after["clients"].pop("contact:101")
    assert of_head[:2] == before["clients"].pop("contact:101")[:2]
    assert of_head[2] == [("account:1", "linked"), ("account:11", "available"), ("policy:1", "available")]
    assert after == before
    (account,) = book.vendors.clients()["contact:7"]["accounts"]
    assert account["holdingsValue"] == 7777
    assert set(book.run(LATER, vendors=("profiles",)).outcomes("profiles").values()) == {"unchanged"}


def test_rows_that_moved_to_another_contact_hold_the_household_until_a_person_tells_both_apart(
    everybody: BookSnapshot, restore: Restore
) -> None:
    book = restore(everybody)
    record = book.links("emoney")["C7"]["vendor_client_id"]
    merge(book, 7, 8, first_name="Other")
    merge(book, 101, 190, first_name="Other")
    night = book.run(NEXT)
    for vendor in VENDORS:
        held = {key: night.reason(vendor, key) for key, ended in night.outcomes(vendor).items() if ended == "held"}
        assert set(held) == {"H1", "C8"}
        assert "MATCH-MERGED" in held["H1"]
        assert held["C8"] == "MATCH-MERGED"
    (row,) = night.rows("finding_v", vendor="emoney", unit_key="C8", rule_id="MATCH-MERGED")
    assert row["message"] == (
        f"Contact 7, who has the record {record} at eMoney (as C7), is in Deleted Records. What it was or had is now "
        "contact 8, with another tax id, and other names or another birth date."
    )
    assert run_by_hand(book, contact_id=8, vendor="emoney", as_of=NEXT).outcomes("emoney") == {"C8": "held"}
    said = run_by_hand(book, contact_id=8, vendor="emoney", as_of=NEXT, are_two="heir")
    assert said.outcomes("emoney") == {"C8": "created"}


def test_a_dry_run_follows_no_merge_and_says_so(everybody: BookSnapshot, restore: Restore) -> None:
    book = restore(everybody)
    merge(book, 7, 8)
    dry = book.run(NEXT, vendors=("emoney",), dry_run=True)
    assert dry.reason("emoney", "C8") == "MATCH-MERGED"
    (row,) = dry.rows("finding_v", unit_key="C8", rule_id="MATCH-MERGED")
    assert "Contact 7 was merged into contact 8: the next run that sends takes its record" in row["message"]
    assert "C7" in book.links("emoney")
