"""The facts of a transfer between offices: the request, the contacts, and what would stay behind.

The units are the contacts of the set (``C12``) and the transfer itself (`TRANSFER`). A critical finding about the
transfer refuses it; one about a contact holds the group of the contact.
"""

from collections.abc import Mapping

from expectations.facts.columns import FLAG, KEY, NUMBER, TEXT, WHOLE, FactColumn

TRANSFER = "transfer"
"""The vendor of the suite, its findings and outcomes; also the unit that stands for the transfer as a whole."""

STAYING_RULES = (
    "XFR-ACCOUNT-LISTS",
    "XFR-ADVISOR",
    "XFR-CARRIER",
    "XFR-CASE-LISTS",
    "XFR-CENSUS",
    "XFR-COMMISSION",
    "XFR-NOT-MOVED",
    "XFR-NOTES",
    "XFR-PARTIES",
    "XFR-POLICY-LISTS",
    "XFR-PRESENT-AMBIGUOUS",
    "XFR-PRIMARY",
    "XFR-RELATIONS",
)
"""The rules by which a record of a moving contact stays behind, or arrives as another record."""

TRANSFER_FRAMES: Mapping[str, Mapping[str, FactColumn]] = {
    "requests": {
        "unit_key": KEY,
        "entity_id": NUMBER,  # the target office
        "offices_differ": FLAG,
        "target_is_active": FLAG,
        "export_missing": TEXT,  # what the asking user lacks, by name
        "import_missing": TEXT,  # what the receiving user lacks, by name
    },
    "movers": {
        "unit_key": KEY,
        "entity_id": NUMBER,
        "is_in_source": FLAG,  # of the source office and not deleted
        "may_move": FLAG,  # a contact or a business
        "busy_with": TEXT,  # another transfer that has the contact
        "present_contact_id": WHOLE,  # the same person in the target
        "present_count": NUMBER,  # how many there could be the same person
        "headless_households": NUMBER,  # households that would be left without their head
    },
    "leavings": {  # one row for each contact and rule; records of no contact count for the transfer
        "unit_key": KEY,
        "entity": KEY,
        "entity_id": NUMBER,
        "rule_id": FactColumn("text", required=True, values=STAYING_RULES),
        "records": NUMBER,
    },
}
