"""Links that somebody ends or makes by hand, with a reason that stays in the ledger."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from etl.load.job import LinkTo, WantedLink
from tests.load.advisors import edit_person
from tests.load.ledger.desk.desks import check_laws
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book

NEXT, LATER = "2026-11-23", "2026-11-24"


def history(book: Book) -> list[tuple[Any, ...]]:
    columns = "vendor, unit_key, change, vendor_client_id, reason"
    with book.context().ledger.read() as connection:
        rows = connection.execute(sa.text(f"SELECT {columns} FROM link_change_v ORDER BY changed_at"))
        return [tuple(row) for row in rows]


def test_an_ended_link_stays_ended_until_a_person_makes_it_again(sent: Book) -> None:
    run_by_hand(sent, 1, vendor="emoney", links=(WantedLink("account:1"),))
    record = sent.links("emoney")["H1"]["vendor_client_id"]
    dry = run_by_hand(sent, 1, vendor="emoney", as_of=NEXT, unlink="left us", dry_run=True)
    assert dry.reason("emoney", "H1") == f"record {record} would be linked to it no more, and stays at eMoney as it is"
    assert set(sent.links("emoney")) == {"H1"}
    ended = run_by_hand(sent, 1, vendor="emoney", as_of=NEXT, unlink="left us")
    assert ended.outcomes("emoney") == {"H1": "unchanged"}
    # Nobody has looked at the household: what stood open still does.
    assert ended.rows("finding_v", rule_id="DEM-SPARSE") == dry.rows("finding_v", rule_id="DEM-SPARSE") == []
    assert sent.links("emoney") == {}
    night = sent.run(NEXT, vendors=("emoney",))
    assert night.outcomes("emoney") == {"H1": "held"}
    assert {row["status"] for row in night.rows("finding_v", rule_id="DEM-SPARSE")} == {"known"}
    assert ("H1", "MATCH-GONE") in night.findings("emoney")
    again = run_by_hand(sent, 1, vendor="emoney", as_of=LATER, link_to=LinkTo(record, None, "is back"))
    assert again.outcomes("emoney") == {"H1": "updated"}
    (client,) = sent.vendors.emoney.state()["clients"]
    assert {one["sourceKey"]: one["state"] for one in client["accounts"]}["account:1"] == "linked"
    assert (sent.links("emoney")["H1"]["vendor_client_id"], sent.links("emoney")["H1"]["matched_by"]) == (
        record,
        "LINKED",
    )
    assert history(sent) == [
        ("emoney", "H1", "unlinked", record, "left us"),
        ("emoney", "H1", "linked", record, "is back"),
    ]
    check_laws(again.context.ledger)


def test_a_unit_takes_over_the_record_of_a_former_unit_with_all_that_was_sent(book: Book) -> None:
    book.person(7)
    book.person(9)
    book.run(vendors=("profiles",))
    ids = {key: one["vendor_client_id"] for key, one in book.links("profiles").items()}
    edit_person(book.vendors, key="contact:7", homePhone="603-555-0177")
    book.crm.update("contact", {"contact_id": 7}, deleted_at=datetime(2026, 11, 2))
    book.person(8, company="Quay")

    def asked(record: str) -> str:
        ran = run_by_hand(book, contact_id=8, as_of=NEXT, link_to=LinkTo(record, None, "changed name"))
        return str(ran.stopped)

    assert asked("999") == "link_to: Profiles has no household 999."
    assert asked(ids["C9"]) == f"link_to {ids['C9']} belongs to C9: end its link first (unlink)."
    assert asked(ids["C7"]) == "None"
    links = {key: one["vendor_client_id"] for key, one in book.links("profiles").items()}
    assert links == {"C8": ids["C7"], "C9": ids["C9"]}
    person = book.vendors.cases()["contact:7"]["document"]["clientA"]
    assert (person["firstName"], person["employerName"], person["homePhone"]) == ("First8", "Quay", "603-555-0177")
    assert asked(ids["C9"]).startswith("C8 is linked at Profiles already")


def test_ending_a_link_that_does_not_exist_is_refused(book: Book) -> None:
    book.person(7)
    ran = run_by_hand(book, contact_id=7, unlink="left us")
    assert str(ran.stopped) == "C7 is not linked at Profiles: there is no link to end."
