"""The ledger's tables about fields: pins, and where values came from (lineage)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, String, Table, Text

from etl.load.ledger.tables import metadata

# A row stays when the field is unpinned: who pinned it, why, and who let it go again.
pin = Table(
    "pin",
    metadata,
    Column("pin_id", Integer, primary_key=True, autoincrement=True),
    Column("vendor", String(20), nullable=False),
    Column("unit_key", String(40), nullable=False),
    Column("field", String(200), nullable=False),
    Column("side", String(20), nullable=False),  # profiles | smartoffice
    Column("reason", Text, nullable=False),
    Column("pinned_by", String(256)),  # in whose name; triggered_by: by whom
    Column("triggered_by", String(256)),
    Column("pinned_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("unpinned_by", String(256)),
    Column("unpin_triggered_by", String(256)),
    Column("unpinned_at", DateTime),
    Column("unpinned_in", String(250)),  # a run
)
Index("ix_pin_unit", pin.c.vendor, pin.c.unit_key)

# Where the values of the units that a run dealt with came from: one compressed table for each vendor and shard.
lineage = Table(
    "lineage",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)

# In which of them a unit stands. `digest` says that nothing is new since: such a unit is not recorded again.
lineage_unit = Table(
    "lineage_unit",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("run_id", String(250), primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)
Index("ix_lineage_unit_table", lineage_unit.c.run_id, lineage_unit.c.vendor, lineage_unit.c.shard)
Index("ix_lineage_unit_recorded", lineage_unit.c.recorded_at)
