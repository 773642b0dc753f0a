"""The facts of a transfer between offices: the request, the contacts, and what would stay behind.

The units are the contacts of the set (``C12``) and the transfer itself (`TRANSFER`). A critical finding about the
transfer refuses it; one about a contact holds the group of the contact.
"""

from expectations.facts.columns import read_frames

TRANSFER = "transfer"
"""The vendor of the suite, its findings and outcomes; also the unit that stands for the transfer as a whole."""

TRANSFER_FRAMES = read_frames("""
requests
    unit_key key, entity_id number,  -- the target office
    offices_differ target_is_active flag,
    export_missing import_missing text  -- what the asking and the receiving user lack, by name

movers
    unit_key key, entity_id number,
    is_in_source flag,  -- of the source office and not deleted
    may_move flag,  -- a contact or a business
    busy_with text,  -- another transfer that has the contact
    present_contact_id whole,  -- the same person in the target
    present_count number,  -- how many there could be the same person
    headless_households number  -- households that would be left without their head

leavings  -- one row for each contact and rule; records of no contact count for the transfer
    unit_key entity key, entity_id number,
    rule_id XFR-ACCOUNT-LISTS | XFR-ADVISOR | XFR-CARRIER | XFR-CASE-LISTS | XFR-CENSUS | XFR-COMMISSION | XFR-NOT-MOVED
        | XFR-NOTES | XFR-PARTIES | XFR-POLICY-LISTS | XFR-PRESENT-AMBIGUOUS | XFR-PRIMARY | XFR-RELATIONS,
    records number
""")

STAYING_RULES = TRANSFER_FRAMES["leavings"]["rule_id"].values
"""The rules by which a record of a moving contact stays behind, or arrives as another record."""
