"""The ledger's tables about guards: what they have stopped, and who let it go on."""

from __future__ import annotations

from sqlalchemy import Column, Date, DateTime, LargeBinary, String, Table, Text

from etl.load.ledger.tables import metadata

# What the guards stopped last for a vendor, until a run is through. `documents` names what would have been sent:
# compressed JSON, unit key -> the document's hash.
guard_stop = Table(
    "guard_stop",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("run_id", String(250), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("causes", Text, nullable=False),  # in words, a JSON list
    Column("causes_hash", String(64), nullable=False),
    Column("documents_hash", String(64), nullable=False),
    Column("documents", LargeBinary, nullable=False),
    Column("stopped_at", DateTime, nullable=False),
)

# Who let a run go on with what the guards had stopped, and why. Rows are only ever added.
guard_release = Table(
    "guard_release",
    metadata,
    Column("run_id", String(250), primary_key=True),  # the run that went on
    Column("vendor", String(20), primary_key=True),
    Column("stopped_run_id", String(250), nullable=False),
    Column("causes", Text, nullable=False),
    Column("causes_hash", String(64), nullable=False),
    Column("documents_hash", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("released_by", String(256), nullable=False),
    Column("released_at", DateTime, nullable=False),
)
