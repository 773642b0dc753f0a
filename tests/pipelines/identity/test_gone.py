"""Linked units that are no units any more are reported once, with what stays at the vendor (SCP-GONE)."""

from datetime import datetime

from tests.load.ledger.desk.desks import check_laws, rows_of
from tests.run_book import Book

NEXT, LATER, LAST = "2026-11-23", "2026-11-24", "2026-11-25"
GONE = datetime(2026, 11, 2)
RULE = "SCP-GONE"


def test_a_unit_that_is_gone_is_reported_once_with_what_stays_and_goes_on_when_back(book: Book) -> None:
    for contact_id in (6, 7, 8):
        book.person(contact_id)
    book.run()
    ids = {vendor: book.links(vendor)["C7"]["vendor_client_id"] for vendor in ("profiles", "emoney")}
    book.crm.update("contact", {"contact_id": 7}, deleted_at=GONE)
    book.crm.update("contact", {"contact_id": 8}, subsystem_type="Advisor")
    night = book.run(NEXT, report=True)
    for vendor, named in (("profiles", "Profiles"), ("emoney", "eMoney")):
        assert {one for one in night.findings(vendor) if one[1] == RULE} == {("C7", RULE), ("C8", RULE)}
        assert set(night.outcomes(vendor)) == {"C6"}
        (row,) = night.rows("finding_v", vendor=vendor, unit_key="C7", rule_id=RULE)
        assert (row["severity"], row["status"], row["entity"], row["entity_id"]) == ("warning", "new", "contact", "7")
        assert row["message"] == (
            f"C7 is in Deleted Records, and is no unit any more. {named} keeps its record {ids[vendor]} as it is, with "
            "all that is linked and typed there; nothing is sent to it."
        )
    assert (
        "C8 is no person by record and subsystem type"
        in night.rows("finding_v", unit_key="C8", rule_id=RULE)[0]["message"]
    )
    assert RULE in (night.context.reports / "worklist.html").read_text()
    assert RULE not in {rule for _, rule in book.run(LATER, vendors=("emoney",)).findings("emoney")}
    book.crm.update("contact", {"contact_id": 7}, deleted_at=None)
    back = book.run(LAST, vendors=("emoney",))
    assert back.outcomes("emoney")["C7"] == "unchanged"
    (row,) = back.rows("finding_v", vendor="emoney", unit_key="C7", rule_id=RULE)
    assert row["status"] == "mended"
    (item,) = rows_of(back.context.ledger, f"SELECT * FROM work_item_v WHERE unit_key = 'C7' AND rule_id = '{RULE}'")
    assert (item["state"], item["vendors"]) == ("new", "profiles")
    check_laws(back.context.ledger)
