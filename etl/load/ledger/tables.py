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
    Column("code", Text),  # see `etl.outcomes`
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

# Two contacts who look like one person, and of whom somebody has said that they are two; the lower id comes first.
distinct_people = Table(
    "distinct_people",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("other_contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", String(256)),
    Column("triggered_by", String(256)),
    Column("decided_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)

# A contact that the CRM merged into another one. ``known_as``: the key under which the other goes to the vendors from
# then on; null where they know it by a key of its own.
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

# What became of links other than by sending: ended or made by hand, moved with a contact that was merged.
link_change = Table(
    "link_change",
    metadata,
    Column("link_change_id", Integer, primary_key=True, autoincrement=True),
    Column("vendor", String(20), nullable=False),
    Column("unit_key", String(40), nullable=False),
    Column("change", String(20), nullable=False),  # unlinked | linked | merged
    Column("vendor_client_id", String(120), nullable=False),
    Column("vendor_case_id", String(120)),
    Column("reason", Text, nullable=False),
    Column("changed_by", String(256)),
    Column("triggered_by", String(256)),
    Column("changed_at", DateTime, nullable=False),
    Column("run_id", String(250), nullable=False),
)
Index("ix_link_change_unit", link_change.c.vendor, link_change.c.unit_key)

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
