"""The table of questions that a run put to a person, and of what was answered."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, LargeBinary, String, Table

from etl.load.ledger.tables import metadata

answer = Table(
    "answer",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("shown", LargeBinary, nullable=False),  # compressed JSON: the vendor's ids that could be chosen, no names
    Column("asked_at", DateTime, nullable=False),
    Column("status", String(20), nullable=False),  # asked | answered | mistaken | timed_out
    Column("choice", String(40)),  # the action that was chosen
    Column("household_id", String(120)),
    Column("case_id", String(120)),
    Column("answered_by", String(256)),
    Column("answered_at", DateTime),
)

VIEWS = {
    "answer_v": (
        "SELECT run_id, vendor, unit_key, status, choice, household_id, case_id, answered_by, asked_at, answered_at "
        "FROM answer"
    ),
}
