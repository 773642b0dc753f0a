"""The ledger's tables of transfers between offices, and their view.

::

    transfer        planned ── accepted ── running ── closed          (then returned, within 30 days)
                       └── rejected | timed_out | cancelled               running ── failed: no group could move
    transfer_group  planned ── staged ── written ── retired           (then returned)
                       └───────┴── failed: its source is as it was

In one database the steps ``written`` and ``retired`` are one transaction; across two, ``written`` is the only time in
which a contact is in both offices, and ``written_at`` and ``retired_at`` say for how long.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, String, Table, Text

from etl.load.ledger.tables import metadata

transfer = Table(
    "transfer",
    metadata,
    Column("transfer_id", String(250), primary_key=True),  # the run's id
    Column("source_office_id", BigInteger, nullable=False),
    Column("target_office_id", BigInteger, nullable=False),
    Column("source_database", String(64), nullable=False),  # a fingerprint of its address
    Column("target_database", String(64), nullable=False),
    Column("requested_by", String(256), nullable=False),  # in whose name; triggered_by: by whom
    Column("triggered_by", String(256)),
    Column("receiving_user", String(256), nullable=False),
    Column("status", String(20), nullable=False),
    Column("why", Text),
    Column("planned_at", DateTime, nullable=False),
    Column("answered_by", String(256)),
    Column("answered_at", DateTime),
    Column("closed_at", DateTime),
)

# Contacts that are in a transfer now: one transfer at a time has a contact.
transfer_claim = Table(
    "transfer_claim",
    metadata,
    Column("database", String(64), primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("transfer_id", String(250), nullable=False, index=True),
)

# Contacts that are tied to each other go together or not at all.
transfer_group = Table(
    "transfer_group",
    metadata,
    Column("transfer_id", String(250), primary_key=True),
    Column("group_no", Integer, primary_key=True, autoincrement=False),
    Column("contacts", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("rule_id", String(60)),  # of a group that failed: the rule or constraint, the record, and why in words
    Column("entity", String(40)),
    Column("entity_id", String(80)),
    Column("why", Text),
    Column("written_at", DateTime),
    Column("retired_at", DateTime),
)

# Beside `transfer_record` (the decision on each row and its new key): where the row hangs, and its canonical hashes.
transfer_row = Table(
    "transfer_row",
    metadata,
    Column("transfer_id", String(250), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("entity_id", String(80), primary_key=True),
    Column("contact_id", BigInteger),
    Column("group_no", Integer),
    Column("source_hash", String(64), nullable=False),
)

Index("ix_transfer_row_group", transfer_row.c.transfer_id, transfer_row.c.group_no)

# What was written in the target, by its own key: what a return within 30 days compares with. Rows made there without
# a row of their own in the source (a rebuilt household) are here too.
transfer_target_row = Table(
    "transfer_target_row",
    metadata,
    Column("transfer_id", String(250), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("target_id", String(80), primary_key=True),
    Column("group_no", Integer, nullable=False),
    Column("target_hash", String(64), nullable=False),
)

# Contacts that a transfer retired, when: what a return sets back, and only that.
transfer_retired = Table(
    "transfer_retired",
    metadata,
    Column("transfer_id", String(250), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("group_no", Integer, nullable=False),
    Column("retired_at", DateTime, nullable=False),
)

# The highest key of a table that a transfer has taken, whether it wrote the row or not: no key is given twice.
transfer_key = Table(
    "transfer_key",
    metadata,
    Column("database", String(64), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("last_key", BigInteger, nullable=False),
)

# Carriers and products are made once in an office, whichever transfer comes first: the key that each one has there.
transfer_shared_key = Table(
    "transfer_shared_key",
    metadata,
    Column("source_database", String(64), primary_key=True),
    Column("target_database", String(64), primary_key=True),
    Column("target_office_id", BigInteger, primary_key=True, autoincrement=False),
    Column("entity", String(40), primary_key=True),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("target_id", BigInteger, nullable=False),
)

# Units that change their key with a transfer (XFR-LINKS). ``pending``: no run may write either of them now; ``done``:
# a run that read the CRM before the transfer leaves the old unit alone.
unit_move = Table(
    "unit_move",
    metadata,
    Column("from_unit", String(40), primary_key=True),
    Column("to_unit", String(40), nullable=False, index=True),
    Column("transfer_id", String(250), nullable=False),
    Column("group_no", Integer, nullable=False),
    Column("status", String(20), nullable=False),
)
Index("ix_unit_move_transfer", unit_move.c.transfer_id, unit_move.c.group_no)

# Under which key the vendors know a record that has another key now: ``account:905`` is still ``account:5`` to them.
vendor_key = Table(
    "vendor_key",
    metadata,
    Column("crm_key", String(80), primary_key=True),
    Column("known_as", String(80), nullable=False),
    Column("transfer_id", String(250), nullable=False, index=True),
)

VIEWS = {
    "id_map_v": (
        "SELECT r.entity, t.source_database, r.entity_id AS source_id, t.target_database, r.target_id, r.transfer_id "
        "FROM transfer_record r JOIN transfer t ON t.transfer_id = r.transfer_id WHERE r.target_id IS NOT NULL"
    ),
}
