"""Households of any size: each is held or sent, and what goes of all others does not change by a byte."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from etl import schema
from tests.run_book import Book

MANY = 600
FIRST = 10_000_000
NEXT = "2026-11-23"


def insert_many(book: Book, table: str, rows: list[dict[str, Any]]) -> None:
    of_table = schema.metadata.tables[table]
    stamp = {"modified_at": book.crm.moment} if "modified_at" in of_table.c else {}
    needed = {"office_id": 1} if "office_id" in of_table.c else {}
    with book.crm.engine.begin() as connection:
        connection.execute(sa.insert(of_table), [{**needed, **stamp, **row} for row in rows])


def make_a_giant(book: Book, number: int, many: int) -> None:
    """A couple with many members, tied to each other in a circle, many accounts and positions, policies and heirs."""
    book.couple(number)
    head, ids = number * 100 + 1, range(FIRST, FIRST + many)
    people = {"record_type": "Contact", "subsystem_type": "Dependent", "birth_date": book.crm.moment.date()}
    insert_many(
        book,
        "contact",
        [{**people, "contact_id": key, "first_name": f"Kim{key}", "last_name": "Lee"} for key in ids],
    )
    in_household = {"household_id": number, "role": "Child", "is_primary": True}
    insert_many(book, "household_member", [{**in_household, "contact_id": key} for key in ids])
    circle = [(key, key + 1 if key + 1 in ids else FIRST) for key in ids]
    tie = {"relation_type": "Family", "relation": "Brother"}
    insert_many(
        book,
        "key_relation",
        [{**tie, "relation_id": one, "contact_id": one, "related_contact_id": other} for one, other in circle],
    )
    account = {"primary_contact_id": head, "account_type": "Individual", "account_value": 10, "net_value": 10}
    insert_many(book, "investment_account", [{**account, "account_id": key, "account_name": f"A{key}"} for key in ids])
    insert_many(
        book,
        "investment_position",
        [{"position_id": key, "account_id": number, "symbol": "ABC", "market_value": 1} for key in ids],
    )
    insert_many(book, "policy_beneficiary", [{"policy_id": number, "contact_id": key} for key in ids])


def write_a_megabyte(book: Book, number: int) -> None:
    """Text of a megabyte in each column of a household and its head that takes free text."""
    words = 'x"\\é ' * (1_000_000 // 6)
    places = {
        "household": ({"household_id": number}, ("name",)),
        "contact": ({"contact_id": number * 100 + 1}, ("first_name", "last_name", "company", "job_title")),
        "investment_account": ({"account_id": number}, ("account_name", "account_number", "how_held")),
        "policy": ({"policy_id": number}, ("policy_number",)),
    }
    for table, (key, names) in places.items():
        book.crm.update(table, key, **dict.fromkeys(names, words))


@pytest.fixture
def crowded(book: Book, many: int) -> Book:
    """Two couples that were sent before; then a giant, a household full of text, and three that are in a circle."""
    for number in (1, 2):
        book.couple(number)
    book.run()
    book.crm.later(days=2)
    make_a_giant(book, 3, many)
    book.couple(4)
    write_a_megabyte(book, 4)
    for number in (5, 6, 7):
        book.couple(number)
    for number, other in ((5, 6), (6, 7), (7, 5)):
        book.member(number, other * 100 + 1, "Son")
    return book


@pytest.mark.parametrize("many", [12, pytest.param(MANY, marks=pytest.mark.slow)])
def test_a_night_with_giants_sends_or_holds_each_and_changes_nothing_of_the_others(crowded: Book, many: int) -> None:
    night = crowded.run(NEXT, full=True)
    assert night.stopped is None
    same = {"H1": "unchanged", "H2": "unchanged"}  # by hash: the very bytes that went before
    sent = {"H3": "created"} | {f"H{number}": "created" for number in (5, 6, 7)}
    assert night.outcomes("profiles") == same | sent | {"H4": "held"}
    assert night.outcomes("emoney") == same | sent | {"H4": "held"}
    case = crowded.vendors.cases()["household:3"]["document"]
    assert (len(case["dependents"]), len(case["assets"])) == (many, many + 1)
    assert max(len(night.reason(vendor, "H4")) for vendor in ("profiles", "emoney")) <= 1_000
    crowded.crm.later(days=1)
    crowded.crm.update("investment_account", {"account_id": FIRST}, account_value=20, net_value=20)
    again = crowded.run("2026-11-24")
    assert again.outcomes("profiles")["H3"] == again.outcomes("emoney")["H3"] == "updated"
    case = crowded.vendors.cases()["household:3"]["document"]
    assert {one["externalSourceId"]: one["holdingsValue"] for one in case["assets"]}[f"account:{FIRST}"] == 20
