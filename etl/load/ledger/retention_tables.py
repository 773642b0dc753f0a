"""The ledger's tables of what was removed by age: counts in place of rows, and how far the removal has come."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, String, Table

from etl.load.ledger.tables import metadata

# How many outcomes of a night are gone because they said what the unit's outcome before them had said.
repeated_outcome = Table(
    "repeated_outcome",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("outcome", String(20), primary_key=True),
    Column("units", Integer, nullable=False),
)

# Up to which moment a kind of rows has been looked through: no night begins at the beginning.
removal = Table(
    "removal",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("looked_at_until", DateTime, nullable=False),
)

VIEWS = {
    "outcome_count_v": (
        "SELECT run_id, vendor, outcome, SUM(units) AS units FROM ("
        "SELECT run_id, vendor, outcome, COUNT(*) AS units FROM outcome GROUP BY run_id, vendor, outcome "
        "UNION ALL SELECT run_id, vendor, outcome, units FROM repeated_outcome"
        ") AS counted GROUP BY run_id, vendor, outcome"
    ),
}
