"""The ledger's tables of confirmed life events, and of what they leave behind."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, String, Table, Text

from etl.load.ledger.tables import metadata

# A life event that somebody confirmed and a run carried out: who, when, why.
life_event = Table(
    "life_event",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("run_id", String(250), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("client_sent", BigInteger, nullable=False),
    Column("spouse_sent", BigInteger),
    Column("client", BigInteger, nullable=False),
    Column("spouse", BigInteger),
    Column("vendor_client_id", String(120), nullable=False),  # the record of the couple as it was
    Column("reason", Text, nullable=False),
    Column("confirmed_by", String(256)),  # in whose name; triggered_by: by whom
    Column("triggered_by", String(256)),
    Column("carried_out_at", DateTime, nullable=False),
)

# EMY-MARRIED: what a contact is at eMoney since a confirmed life event, as long as nobody is the spouse.
marital_status = Table(
    "marital_status",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(20), nullable=False),  # Divorced | Widowed
    Column("run_id", String(250), nullable=False),
)

# Vendor records of couples that are none any more: never linked again.
former_link = Table(
    "former_link",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("vendor_client_id", String(120), primary_key=True),
    Column("vendor_case_id", String(120)),
    Column("unit_key", String(40), nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("ended_at", DateTime, nullable=False),
)
