"""The ledger's table of units that went on with another case than the one before."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, String, Table

from etl.load.ledger.tables import metadata

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
