"""The ledger's tables of the cases of Profiles: what was written into each, and which units changed theirs."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, LargeBinary, String, Table

from etl.load.ledger.tables import metadata

# What was last written into each case, field by field (compressed JSON): the base of the three-way merge. It is the
# case's, whichever unit goes on with it.
case_base = Table(
    "case_base",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("vendor_case_id", String(120), primary_key=True),
    Column("base", LargeBinary, nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("written_at", DateTime, nullable=False),
)

# The run in which somebody chose another case for a unit: what was decided before is about the one before.
other_case = Table(
    "other_case",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("run_id", String(250), primary_key=True),
    Column("vendor_case_id", String(120), nullable=False),
    Column("chosen_at", DateTime, nullable=False),
)
