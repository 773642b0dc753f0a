"""The search field finds what a steward may see, with items or without."""

from __future__ import annotations

from tests.desk.office import Office
from tests.desk.test_worklist import keys, listed

__all__ = ["listed"]


def test_a_household_with_items_leads_to_its_page(listed: Office) -> None:
    page = listed.visitor("admin", is_admin=True).search("nightingale")
    assert keys(page) == ["H1"]
    assert "1 household or person for “nightingale”" in page.words
    assert "Castellan" not in page.words


def test_a_household_without_items_is_found_in_the_crm(listed: Office) -> None:
    listed.crm.insert("household", household_id=77, office_id=2, name="Quiet Brook")
    assert keys(listed.visitor("lakeside.chen").search("brook")) == ["H77"]
    assert keys(listed.visitor("harbor.reed").search("brook")) == []


def test_what_is_typed_stands_in_no_address(listed: Office) -> None:
    page = listed.visitor("main.morgan").search("nightingale")
    assert [one for one in page.all("form") if one.get("role") == "search" and one.get("method") != "post"] == []
    assert [address for address in page.values("href") if "nightingale" in address.lower()] == []


def test_nothing_typed_says_what_can_be_typed(listed: Office) -> None:
    assert "such as H12" in listed.visitor("main.morgan").read("/search").words


def test_what_is_typed_stays_text(listed: Office) -> None:
    text = listed.visitor("main.morgan").send("/search", q='"><script>alert(1)</script>').text
    assert "<script>" not in text
