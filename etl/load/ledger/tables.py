"""The ledger's tables, and the views whose names and columns outsiders rely on.

Transfers and their groups pass through these statuses::

    transfer        planned ── accepted ── running ── closed          (then returned, within 30 days)
                       └── rejected | timed_out | cancelled               running ── failed: no group could move
    transfer_group  planned ── staged ── written ── retired           (then returned)
                       └───────┴── failed: its source is unchanged

In one database the steps ``written`` and ``retired`` are one transaction. Across two databases a contact is in both
offices between ``written_at`` and ``retired_at``, and at no other time.
"""

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

# How long the ids, keys and codes of text are.
_NAMES = {
    20: "outcome severity status vendor",
    40: "entity unit_key",
    60: "rule_id",
    64: "causes_hash database documents_hash finding_key items_hash source_database target_database",
    80: "entity_id feed_id target_id",
    120: "case_id client_id connection_id household_id vendor_case_id vendor_client_id",
    200: "field",
    250: "run_id transfer_id",
    256: "answered_by changed_by decided_by receiving_user triggered_by unpin_triggered_by unpinned_by",
}
_LENGTHS = {name: length for length, names in _NAMES.items() for name in names.split()}


def keys(*names: str) -> list[Column[str]]:
    """Text columns of a primary key."""
    return [Column(name, String(_LENGTHS[name]), primary_key=True) for name in names]


def required(*names: str) -> list[Column[str]]:
    """Text columns that every row has."""
    return [Column(name, String(_LENGTHS[name]), nullable=False) for name in names]


def optional(*names: str) -> list[Column[str]]:
    """Text columns that may be null."""
    return [Column(name, String(_LENGTHS[name])) for name in names]


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

# Why a step stopped the run, in words. A step that is started again removes its row.
run_stop = Table(
    "run_stop",
    metadata,
    Column("run_id", String(250), primary_key=True),
    Column("step", String(120), primary_key=True),
    Column("why", Text, nullable=False),
    Column("stopped_at", DateTime, nullable=False),
)

# What a run saw of the CRM, for each vendor: where the next run begins (SCP-4).
run_vendor = Table(
    "run_vendor",
    metadata,
    *keys("run_id", "vendor"),
    Column("watermark", DateTime),
    Column("units_in_scope", Integer, nullable=False),
    Column("finished_at", DateTime),
)

Index("ix_run_vendor_finished", run_vendor.c.vendor, run_vendor.c.finished_at)

# Each unit after its last run: its digest then, and how it ended.
unit_state = Table(
    "unit_state",
    metadata,
    *keys("vendor", "unit_key"),
    Column("digest", BigInteger),
    Column("records", Text),  # how many of each table, a JSON list in the order of `etl.extract.changes.TABLES`
    *optional("outcome", "run_id"),
)

link = Table(
    "link",
    metadata,
    *keys("vendor", "unit_key"),
    Column("vendor_client_id", String(120), nullable=False),
    *optional("vendor_case_id", "connection_id"),
    Column("client_contact_id", BigInteger),  # as last sent (LIFE-EVENT)
    Column("spouse_contact_id", BigInteger),
    Column("linked_at", DateTime, nullable=False),
    Column("matched_by", String(40), nullable=False),
    UniqueConstraint("vendor", "vendor_client_id", name="uq_link_client"),
)

# What was last sent to the vendor. `offered_hash`: the hash of the whole payload that was last dealt with. `base`: the
# values that we last wrote, field by field (compressed JSON); the values of a case are in `case_base`.
sent = Table(
    "sent",
    metadata,
    *keys("vendor", "unit_key"),
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
    *required("run_id", "vendor", "unit_key"),
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
    *keys("feed_id", "unit_key"),
    *required("client_id", "items_hash"),
    Column("source_keys", Text, nullable=False),
    Column("withheld_keys", Text, nullable=False, server_default=""),  # in the CRM, not sent for want of a license
)

household_lock = Table(
    "household_lock",
    metadata,
    *keys("vendor", "unit_key"),
    Column("holder", String(250), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),  # seconds since 1970
)

outcome = Table(
    "outcome",
    metadata,
    *keys("run_id", "vendor", "unit_key"),
    Column("outcome", String(20), nullable=False),
    Column("reason", Text),
    Column("vendor_id", String(120)),
    Column("code", Text),  # see `etl.outcomes`
)

Index("ix_outcome_unit", outcome.c.vendor, outcome.c.unit_key)

# What a run decided field by field: written (with the values before and after, compressed JSON), kept, stale, …
field_change = Table(
    "field_change",
    metadata,
    *keys("run_id", "vendor", "unit_key", "field"),
    Column("decision", String(20), nullable=False),
    Column("before", LargeBinary),
    Column("after", LargeBinary),
)

Index("ix_field_change_field", field_change.c.vendor, field_change.c.unit_key, field_change.c.field)

# What the vendors reported while a run loaded, until its report takes it over.
load_finding = Table(
    "load_finding",
    metadata,
    *keys("run_id", "vendor", "unit_key", "rule_id", "entity", "entity_id", "field"),
    Column("detail", Text, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("finding_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(250), nullable=False, index=True),
    *required("vendor", "unit_key", "rule_id", "severity"),
    *optional("entity", "entity_id"),
    Column("field", String(120)),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    Column("status", String(20), nullable=False),  # new | known | mended
    Column("first_run_id", String(250)),  # the run that found it first; null where it was not kept yet
)

# The findings that stand open now: "new", "known" and "mended" are measured against them.
open_finding = Table(
    "open_finding",
    metadata,
    *keys("vendor", "unit_key", "finding_key"),
    *required("rule_id", "severity"),
    *optional("entity", "entity_id"),
    Column("field", String(120)),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    Column("first_run_id", String(250), nullable=False),
)

# What was last written into each case, field by field (compressed JSON): the base of the three-way merge. The base
# belongs to the case, whichever unit goes on with it.
case_base = Table(
    "case_base",
    metadata,
    *keys("vendor", "vendor_case_id"),
    Column("base", LargeBinary, nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("written_at", DateTime, nullable=False),
)

# The run in which somebody chose another case for a unit: earlier decisions are about the earlier case.
other_case = Table(
    "other_case",
    metadata,
    *keys("vendor", "unit_key", "run_id"),
    Column("vendor_case_id", String(120), nullable=False),
    Column("chosen_at", DateTime, nullable=False),
)

answer = Table(
    "answer",
    metadata,
    *keys("run_id", "vendor", "unit_key"),
    Column("shown", LargeBinary, nullable=False),  # compressed JSON: the vendor's ids that could be chosen, no names
    Column("asked_at", DateTime, nullable=False),
    Column("status", String(20), nullable=False),  # asked | answered | mistaken | timed_out
    Column("choice", String(40)),  # the action that was chosen
    *optional("household_id", "case_id", "answered_by"),
    Column("answered_at", DateTime),
)

# A row stays when the field is unpinned: it says who pinned the field, why, and who unpinned it.
pin = Table(
    "pin",
    metadata,
    Column("pin_id", Integer, primary_key=True, autoincrement=True),
    *required("vendor", "unit_key", "field"),
    Column("side", String(20), nullable=False),  # profiles | smartoffice
    Column("reason", Text, nullable=False),
    Column("pinned_by", String(256)),  # in whose name; triggered_by: by whom
    Column("triggered_by", String(256)),
    Column("pinned_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
    *optional("unpinned_by", "unpin_triggered_by"),
    Column("unpinned_at", DateTime),
    Column("unpinned_in", String(250)),  # a run
)
Index("ix_pin_unit", pin.c.vendor, pin.c.unit_key)

# Where the values of a run's units came from: one compressed table for each vendor and shard.
lineage = Table(
    "lineage",
    metadata,
    *keys("run_id", "vendor"),
    Column("shard", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)

# The tables in which a unit is recorded. A unit with the same `digest` is not recorded again.
lineage_unit = Table(
    "lineage_unit",
    metadata,
    *keys("vendor", "unit_key", "run_id"),
    Column("shard", Integer, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)
Index("ix_lineage_unit_table", lineage_unit.c.run_id, lineage_unit.c.vendor, lineage_unit.c.shard)
Index("ix_lineage_unit_recorded", lineage_unit.c.recorded_at)

# A life event that somebody confirmed and a run carried out: who, when, why.
life_event = Table(
    "life_event",
    metadata,
    *keys("vendor", "unit_key", "run_id"),
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

# EMY-MARRIED: a contact's status at eMoney after a confirmed life event, as long as there is no spouse.
marital_status = Table(
    "marital_status",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(20), nullable=False),  # Divorced | Widowed
    Column("run_id", String(250), nullable=False),
)

# Vendor records of dissolved couples: never linked again.
former_link = Table(
    "former_link",
    metadata,
    *keys("vendor", "vendor_client_id"),
    Column("vendor_case_id", String(120)),
    *required("unit_key", "run_id"),
    Column("ended_at", DateTime, nullable=False),
)

# Two contacts who look like one person, and whom somebody has declared to be two; the lower id comes first.
distinct_people = Table(
    "distinct_people",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("other_contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    *optional("decided_by", "triggered_by"),
    Column("decided_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)

# A contact that the CRM merged into another contact. ``known_as``: the key by which the vendors then know the other
# contact; null where they know its own key.
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

# Changes of links other than by sending: ended or made by hand, moved with a contact that was merged.
link_change = Table(
    "link_change",
    metadata,
    Column("link_change_id", Integer, primary_key=True, autoincrement=True),
    *required("vendor", "unit_key"),
    Column("change", String(20), nullable=False),  # unlinked | linked | merged
    Column("vendor_client_id", String(120), nullable=False),
    Column("vendor_case_id", String(120)),
    Column("reason", Text, nullable=False),
    *optional("changed_by", "triggered_by"),
    Column("changed_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)
Index("ix_link_change_unit", link_change.c.vendor, link_change.c.unit_key)

# What the guards stopped last for a vendor, until a run succeeds. `documents`: what would have been sent, as compressed
# JSON, unit key -> the document's hash.
guard_stop = Table(
    "guard_stop",
    metadata,
    Column("vendor", String(20), primary_key=True),
    Column("run_id", String(250), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("causes", Text, nullable=False),  # in words, a JSON list
    *required("causes_hash", "documents_hash"),
    Column("documents", LargeBinary, nullable=False),
    Column("stopped_at", DateTime, nullable=False),
)

# Who released what the guards had stopped, and why. Rows are only added.
guard_release = Table(
    "guard_release",
    metadata,
    Column("run_id", String(250), primary_key=True),  # the run that went on
    Column("vendor", String(20), primary_key=True),
    Column("stopped_run_id", String(250), nullable=False),
    Column("causes", Text, nullable=False),
    *required("causes_hash", "documents_hash"),
    Column("reason", Text, nullable=False),
    Column("released_by", String(256), nullable=False),
    Column("released_at", DateTime, nullable=False),
)

# How many outcomes of a night were removed because they repeated the unit's outcome before.
repeated_outcome = Table(
    "repeated_outcome",
    metadata,
    *keys("run_id", "vendor", "outcome"),
    Column("units", Integer, nullable=False),
)

# The time up to which a kind of rows was looked through: the next night goes on from there.
removal = Table(
    "removal",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("looked_at_until", DateTime, nullable=False),
)

transfer_record = Table(
    "transfer_record",
    metadata,
    *keys("transfer_id", "entity", "entity_id"),
    Column("decision", String(20), nullable=False),
    *optional("rule_id", "target_id"),
)

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
    *required("receiving_user", "status"),
    Column("why", Text),
    Column("planned_at", DateTime, nullable=False),
    Column("answered_by", String(256)),
    Column("answered_at", DateTime),
    Column("closed_at", DateTime),
)

# Contacts that are in a transfer now: only one transfer at a time can have a contact.
transfer_claim = Table(
    "transfer_claim",
    metadata,
    Column("database", String(64), primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("transfer_id", String(250), nullable=False, index=True),
)

# Contacts that are tied to each other move together or not at all.
transfer_group = Table(
    "transfer_group",
    metadata,
    Column("transfer_id", String(250), primary_key=True),
    Column("group_no", Integer, primary_key=True, autoincrement=False),
    Column("contacts", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("rule_id", String(60)),  # of a group that failed: the rule or constraint, the record, and why in words
    *optional("entity", "entity_id"),
    Column("why", Text),
    Column("written_at", DateTime),
    Column("retired_at", DateTime),
)

# Beside `transfer_record` (the decision on each row and its new key): where the row hangs, and its canonical hashes.
transfer_row = Table(
    "transfer_row",
    metadata,
    *keys("transfer_id", "entity", "entity_id"),
    Column("contact_id", BigInteger),
    Column("group_no", Integer),
    Column("source_hash", String(64), nullable=False),
)

Index("ix_transfer_row_group", transfer_row.c.transfer_id, transfer_row.c.group_no)

# What was written in the target, by its key there: a return within 30 days compares with it. Rows without a row of
# their own in the source (a rebuilt household) are included.
transfer_target_row = Table(
    "transfer_target_row",
    metadata,
    *keys("transfer_id", "entity", "target_id"),
    Column("group_no", Integer, nullable=False),
    Column("target_hash", String(64), nullable=False),
)

# Records that a transfer retired, and when: a return sets these back, and no others.
transfer_retired = Table(
    "transfer_retired",
    metadata,
    *keys("transfer_id", "entity"),
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("group_no", Integer, nullable=False),
    Column("retired_at", DateTime, nullable=False),
)

# The highest key of a table that a transfer has taken, written or not: no key is given twice.
transfer_key = Table(
    "transfer_key",
    metadata,
    *keys("database", "entity"),
    Column("last_key", BigInteger, nullable=False),
)

# Carriers and products are made once in an office, by the first transfer: the key of each one there.
transfer_shared_key = Table(
    "transfer_shared_key",
    metadata,
    *keys("source_database", "target_database"),
    Column("target_office_id", BigInteger, primary_key=True, autoincrement=False),
    Column("entity", String(40), primary_key=True),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("target_id", BigInteger, nullable=False),
)

# Units that change their key with a transfer (XFR-LINKS). ``pending``: no run may write either unit now; ``done``: a
# run that read the CRM before the transfer leaves the old unit alone.
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

# The key by which the vendors know a record that has another key now: ``account:905`` is still ``account:5`` to them.
vendor_key = Table(
    "vendor_key",
    metadata,
    Column("crm_key", String(80), primary_key=True),
    Column("known_as", String(80), nullable=False),
    Column("transfer_id", String(250), nullable=False, index=True),
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
    "answer_v": (
        "SELECT run_id, vendor, unit_key, status, choice, household_id, case_id, answered_by, asked_at, answered_at "
        "FROM answer"
    ),
    "link_change_v": (
        "SELECT vendor, unit_key, change, vendor_client_id, vendor_case_id, reason, changed_by, "
        "triggered_by, changed_at, run_id "
        "FROM link_change"
    ),
    "distinct_people_v": (
        "SELECT contact_id, other_contact_id, reason, decided_by, triggered_by, decided_at, run_id FROM distinct_people"
    ),
    "outcome_count_v": (
        "SELECT run_id, vendor, outcome, SUM(units) AS units FROM ("
        "SELECT run_id, vendor, outcome, COUNT(*) AS units FROM outcome GROUP BY run_id, vendor, outcome "
        "UNION ALL SELECT run_id, vendor, outcome, units FROM repeated_outcome"
        ") AS counted GROUP BY run_id, vendor, outcome"
    ),
    "id_map_v": (
        "SELECT r.entity, t.source_database, r.entity_id AS source_id, t.target_database, r.target_id, r.transfer_id "
        "FROM transfer_record r JOIN transfer t ON t.transfer_id = r.transfer_id WHERE r.target_id IS NOT NULL"
    ),
}
