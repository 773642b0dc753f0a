"""The ledger's tables of who is who: people told apart, contacts that were merged, links made and ended by hand."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, String, Table, Text

from etl.load.ledger.tables import metadata

# Two contacts who look like one person, and of whom somebody has said that they are two; the lower id comes first.
distinct_people = Table(
    "distinct_people",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("other_contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", String(256)),
    Column("triggered_by", String(256)),
    Column("decided_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)

# A contact that the CRM merged into another one. ``known_as``: the key under which the other goes to the vendors from
# then on; null where they know it by a key of its own.
contact_merge = Table(
    "contact_merge",
    metadata,
    Column("merged_contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("matched_by", String(40), nullable=False),
    Column("known_as", String(80)),
    Column("followed_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)

# What became of links other than by sending: ended or made by hand, moved with a contact that was merged.
link_change = Table(
    "link_change",
    metadata,
    Column("link_change_id", Integer, primary_key=True, autoincrement=True),
    Column("vendor", String(20), nullable=False),
    Column("unit_key", String(40), nullable=False),
    Column("change", String(20), nullable=False),  # unlinked | linked | merged
    Column("vendor_client_id", String(120), nullable=False),
    Column("vendor_case_id", String(120)),
    Column("reason", Text, nullable=False),
    Column("changed_by", String(256)),
    Column("triggered_by", String(256)),
    Column("changed_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)
Index("ix_link_change_unit", link_change.c.vendor, link_change.c.unit_key)

VIEWS = {
    "link_change_v": (
        "SELECT vendor, unit_key, change, vendor_client_id, vendor_case_id, reason, changed_by, "
        "triggered_by, changed_at, run_id "
        "FROM link_change"
    ),
    "distinct_people_v": (
        "SELECT contact_id, other_contact_id, reason, decided_by, triggered_by, decided_at, run_id FROM distinct_people"
    ),
}
