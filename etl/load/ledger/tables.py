"""The ledger's tables, and the views whose names and columns outsiders rely on."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

run = Table(
    "run",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("dag_id", String(250), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("requested_by", String(256)),  # in whose name
    Column("triggered_by", String(256)),  # by whom; none: the schedule
    Column("dry_run", Boolean, nullable=False),
    Column("status", String(20), nullable=False),  # running | success | failed
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("params", Text),
)

Index("ix_run_started", run.c.started_at)
Index("ix_run_dag", run.c.dag_id, run.c.started_at)

# Why a step stopped the run, in words; a step that is started again forgets its own.
run_stop = Table(
    "run_stop",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("step", String(120), primary_key=True),
    Column("why", Text, nullable=False),
    Column("stopped_at", DateTime, nullable=False),
)

# What a run saw of the CRM, for each vendor it served: where the next one begins (SCP-4).
run_vendor = Table(
    "run_vendor",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("watermark", DateTime),
    Column("units_in_scope", Integer, nullable=False),
    Column("finished_at", DateTime),
)

Index("ix_run_vendor_finished", run_vendor.c.vendor, run_vendor.c.finished_at)

# Each unit as it stood after its last run: its keys then, and how it ended.
unit_state = Table(
    "unit_state",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("digest", BigInteger),
    Column("records", Text),  # how many of each table, a JSON list in the order of `etl.extract.changes.TABLES`
    Column("outcome", String(20)),
    Column("run_id", String(250)),
)

link = Table(
    "link",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("vendor_client_id", String(120), nullable=False),
    Column("vendor_case_id", String(120)),
    Column("connection_id", String(120)),
    Column("client_contact_id", BigInteger),  # as last sent (LIFE-EVENT)
    Column("spouse_contact_id", BigInteger),
    Column("linked_at", DateTime, nullable=False),
    Column("matched_by", String(40), nullable=False),
    UniqueConstraint("vendor", "vendor_client_id", name="uq_link_client"),
)

# What the vendor last got from us. `offered_hash` is the hash of the whole payload that was last dealt with; `base` the
# values that we last wrote, field by field (compressed JSON); those of a case stand in `case_base`.
sent = Table(
    "sent",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("part", String(20), primary_key=True),  # case | client | spouse | items
    Column("offered_hash", String(64), nullable=False),
    Column("base", LargeBinary),
    Column("as_of", Date, nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("sent_at", DateTime, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("op_key", String(64), primary_key=True),
    Column("run_id", String(250), nullable=False),
    Column("vendor", String(20), nullable=False),
    Column("unit_key", String(40), nullable=False),
    Column("step", String(40), nullable=False),
    Column("status", String(20), nullable=False),  # sending | in_doubt | confirmed | refused | abandoned
    Column("as_of", Date, nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("expected_version", String(120)),
    Column("attempts", Integer, nullable=False),
    Column("intent", LargeBinary),  # compressed JSON: what is written, with the values before
    Column("created_at", DateTime, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)
Index("ix_delivery_status", delivery.c.vendor, delivery.c.status, delivery.c.unit_key)
Index("ix_delivery_updated", delivery.c.updated_at)
Index("ix_delivery_run", delivery.c.run_id)

feed = Table(
    "feed",
    metadata,
    Column("feed_id", String(80), primary_key=True),
    Column("run_id", String(250), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("status", String(20), nullable=False),  # sending | accepted | done | failed
    Column("lines", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)

Index("ix_feed_status", feed.c.status)
Index("ix_feed_as_of", feed.c.as_of)

feed_line = Table(
    "feed_line",
    metadata,
    Column("feed_id", String(80), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("client_id", String(120), nullable=False),
    Column("items_hash", String(64), nullable=False),
    Column("source_keys", Text, nullable=False),
    Column("withheld_keys", Text, nullable=False, server_default=""),  # in the CRM, not sent for want of a license
)

household_lock = Table(
    "household_lock",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("holder", String(250), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),  # seconds since 1970
)

outcome = Table(
    "outcome",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("outcome", String(20), nullable=False),
    Column("reason", Text),
    Column("vendor_id", String(120)),
)

Index("ix_outcome_unit", outcome.c.vendor, outcome.c.unit_key)

# What a run decided field by field: written (with the values before and after, compressed JSON), kept, stale, …
field_change = Table(
    "field_change",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("field", String(200), primary_key=True),
    Column("decision", String(20), nullable=False),
    Column("before", LargeBinary),
    Column("after", LargeBinary),
)

Index("ix_field_change_field", field_change.c.vendor, field_change.c.unit_key, field_change.c.field)

# What the vendors told while a run loaded, until its report takes it over.
load_finding = Table(
    "load_finding",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("rule_id", String(60), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("entity_id", String(80), primary_key=True),
    Column("field", String(200), primary_key=True),
    Column("detail", Text, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("finding_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(250), nullable=False, index=True),
    Column("vendor", String(20), nullable=False),
    Column("unit_key", String(40), nullable=False),
    Column("rule_id", String(60), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("entity", String(40)),
    Column("entity_id", String(80)),
    Column("field", String(120)),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    Column("status", String(20), nullable=False),  # new | known | mended
    Column("first_run_id", String(250)),  # the run that found it first; null where it was not kept yet
)

# The findings that stand now, whichever run saw the unit last: what "new", "known" and "mended" are measured against.
open_finding = Table(
    "open_finding",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("unit_key", String(40), primary_key=True),
    Column("finding_key", String(64), primary_key=True),
    Column("rule_id", String(60), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("entity", String(40)),
    Column("entity_id", String(80)),
    Column("field", String(120)),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    Column("first_run_id", String(250), nullable=False),
)

transfer_record = Table(
    "transfer_record",
    metadata,
    Column("transfer_id", String(250), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("entity_id", String(80), primary_key=True),
    Column("decision", String(20), nullable=False),
    Column("rule_id", String(60)),
    Column("target_id", String(80)),
)

VIEWS = {
    "run_v": (
        "SELECT run_id, dag_id, as_of, requested_by, dry_run, status, started_at, finished_at, triggered_by FROM run"
    ),
    "outcome_v": "SELECT run_id, vendor, unit_key, outcome, reason, vendor_id FROM outcome",
    "finding_v": (
        "SELECT run_id, vendor, unit_key, rule_id, severity, entity, entity_id, field, message, remedy, status "
        "FROM finding"
    ),
    "open_finding_v": (
        "SELECT o.vendor, o.unit_key, o.rule_id, o.severity, o.entity, o.entity_id, o.field, o.message, o.remedy, "
        "o.first_run_id, r.as_of AS since FROM open_finding o LEFT JOIN run r ON r.run_id = o.first_run_id"
    ),
    "link_v": ("SELECT vendor, unit_key, vendor_client_id, vendor_case_id, linked_at, matched_by FROM link"),
    "transfer_v": "SELECT transfer_id, entity, entity_id, decision, rule_id, target_id FROM transfer_record",
}
