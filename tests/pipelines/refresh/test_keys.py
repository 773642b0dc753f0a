"""Keys as large as a column of the CRM can hold go through every stage, by night and by hand."""

from __future__ import annotations

from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book

LARGEST = 2**63 - 1
# Its neighbours mean "no value" and "not finite" among figures.
LEAST = -(2**63) + 2


def test_the_largest_keys_are_taken_by_night_and_by_hand(book: Book) -> None:
    head, wife = LARGEST, LARGEST - 1
    book.person(head, marital_status="Married", last_name="Quay")
    book.person(wife, marital_status="Married", last_name="Quay", gender=None)
    book.crm.insert("household", household_id=LARGEST, name="Quay", head_contact_id=head)
    book.member(LARGEST, head, "Head")
    book.member(LARGEST, wife, "Wife")
    book.tie(LARGEST, head, wife)
    book.account(LARGEST, head)
    book.policy(LARGEST, wife)
    book.person(LEAST)
    unit, alone = f"H{LARGEST}", f"C{LEAST}"
    night = book.run()
    assert night.outcomes("profiles") == night.outcomes("emoney") == {unit: "created", alone: "created"}
    (genderless,) = night.rows("finding_v", rule_id="DEM-GENDER")
    assert (genderless["entity"], genderless["entity_id"]) == ("contact", str(wife))
    assert set(book.vendors.clients()) == {f"contact:{head}", f"contact:{LEAST}"}
    assert run_by_hand(book, LARGEST).outcomes("profiles") == {unit: "unchanged"}
    assert run_by_hand(book, contact_id=wife, vendor="emoney").outcomes("emoney") == {unit: "unchanged"}
    book.crm.delete("key_relation", relation_id=LARGEST)
    book.crm.delete("household_member", contact_id=wife)
    parted = book.run("2026-11-23", unit_keys=(unit,), vendors=("emoney",))
    assert (unit, "LIFE-EVENT") in parted.findings("emoney")
    assert parted.outcomes("emoney") == {unit: "held"}
