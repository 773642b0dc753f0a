"""Keys as large as a column of the CRM can hold go through every stage, by night and by hand."""

from __future__ import annotations

import pytest

from tests.run_book import Book
from tests.sync.by_hand import run_by_hand

LARGEST, LEAST = 2**63 - 1, -(2**63)
OTHERS = 1001


@pytest.mark.parametrize("largest", [LARGEST, LEAST + 2 * OTHERS])
def test_the_largest_keys_are_taken_by_night_and_by_hand(book: Book, largest: int) -> None:
    head, wife, other = largest, largest - 1, largest - OTHERS
    book.person(head, marital_status="Married", last_name="Quay")
    book.person(wife, marital_status="Married", last_name="Quay", gender=None)
    book.crm.insert("household", household_id=largest, name="Quay", head_contact_id=head)
    book.member(largest, head, "Head")
    book.member(largest, wife, "Wife")
    book.tie(largest, head, wife)
    book.account(largest, head)
    book.policy(largest, wife)
    book.person(other)
    unit, alone = f"H{largest}", f"C{other}"
    night = book.run()
    assert night.outcomes("profiles") == night.outcomes("emoney") == {unit: "created", alone: "created"}
    (genderless,) = night.rows("finding_v", rule_id="DEM-GENDER")
    assert (genderless["entity"], genderless["entity_id"]) == ("contact", str(wife))
    assert set(book.vendors.clients()) == {f"contact:{head}", f"contact:{other}"}
    assert run_by_hand(book, largest).outcomes("profiles") == {unit: "unchanged"}
    by_hand = run_by_hand(book, contact_id=wife, vendor="emoney")
    assert by_hand.outcomes("emoney") == {unit: "unchanged"}
    book.crm.delete("key_relation", relation_id=largest)
    book.crm.delete("household_member", contact_id=wife)
    parted = book.run("2026-11-23", unit_keys=(unit,), vendors=("emoney",))
    assert (unit, "LIFE-EVENT") in parted.findings("emoney")
    assert parted.outcomes("emoney") == {unit: "held"}
