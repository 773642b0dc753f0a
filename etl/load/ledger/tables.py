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

from typing import Any

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
    20: "change decision kind outcome part severity side status vendor",
    40: "choice entity from_unit matched_by unit_key",
    60: "rule_id",
    64: (
        "causes_hash database documents_hash finding_key items_hash offered_hash op_key payload_hash "
        "source_database source_hash target_database target_hash"
    ),
    80: "crm_key entity_id feed_id known_as target_id",
    120: "case_id client_id connection_id expected_version household_id vendor_case_id vendor_client_id vendor_id",
    200: "field",
    250: "dag_id first_run_id holder run_id stopped_run_id transfer_id unpinned_in",
    256: (
        "answered_by changed_by confirmed_by decided_by pinned_by receiving_user released_by requested_by "
        "triggered_by unpin_triggered_by unpinned_by"
    ),
}
_LENGTHS = {name: length for length, names in _NAMES.items() for name in names.split()}


def _table(name: str, *parts: Column[Any] | UniqueConstraint) -> Table:
    return Table(name, metadata, *parts)


def _keys(*names: str) -> list[Column[str]]:
    """Text columns of a primary key."""
    return [Column(name, String(_LENGTHS[name]), primary_key=True) for name in names]


def _required(*names: str) -> list[Column[str]]:
    """Text columns that every row has."""
    return [Column(name, String(_LENGTHS[name]), nullable=False) for name in names]


def _optional(*names: str) -> list[Column[str]]:
    """Text columns that may be null."""
    return [Column(name, String(_LENGTHS[name])) for name in names]


run = _table(
    "run",
    *_keys("run_id"),
    *_required("dag_id"),
    Column("as_of", Date, nullable=False),
    *_optional("requested_by"),  # in whose name
    *_optional("triggered_by"),  # by whom; none: the schedule
    Column("dry_run", Boolean, nullable=False),
    *_required("status"),  # running | success | failed
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("params", Text),
)

Index("ix_run_started", run.c.started_at)
Index("ix_run_dag", run.c.dag_id, run.c.started_at)

# Why a step stopped the run, in words. A step that is started again removes its row.
run_stop = _table(
    "run_stop",
    *_keys("run_id"),
    Column("step", String(120), primary_key=True),
    Column("why", Text, nullable=False),
    Column("stopped_at", DateTime, nullable=False),
)

# What a run saw of the CRM, for each vendor: where the next run begins (SCP-4).
run_vendor = _table(
    "run_vendor",
    *_keys("run_id", "vendor"),
    Column("watermark", DateTime),
    Column("units_in_scope", Integer, nullable=False),
    Column("finished_at", DateTime),
)

Index("ix_run_vendor_finished", run_vendor.c.vendor, run_vendor.c.finished_at)

# Each unit after its last run: its digest then, and how it ended.
unit_state = _table(
    "unit_state",
    *_keys("vendor", "unit_key"),
    Column("digest", BigInteger),
    Column("records", Text),  # how many of each table, a JSON list in the order of `etl.extract.changes.TABLES`
    *_optional("outcome", "run_id"),
)

link = _table(
    "link",
    *_keys("vendor", "unit_key"),
    *_required("vendor_client_id"),
    *_optional("vendor_case_id", "connection_id"),
    Column("client_contact_id", BigInteger),  # as last sent (LIFE-EVENT)
    Column("spouse_contact_id", BigInteger),
    Column("linked_at", DateTime, nullable=False),
    *_required("matched_by"),
    UniqueConstraint("vendor", "vendor_client_id", name="uq_link_client"),
)

# What was last sent to the vendor. `offered_hash`: the hash of the whole payload that was last dealt with. `base`: the
# values that we last wrote, field by field (compressed JSON); the values of a case are in `case_base`.
sent = _table(
    "sent",
    *_keys("vendor", "unit_key"),
    *_keys("part"),  # case | client | spouse | items
    *_required("offered_hash"),
    Column("base", LargeBinary),
    Column("as_of", Date, nullable=False),
    *_required("run_id"),
    Column("sent_at", DateTime, nullable=False),
)

delivery = _table(
    "delivery",
    *_keys("op_key"),
    *_required("run_id", "vendor", "unit_key"),
    Column("step", String(40), nullable=False),
    *_required("status"),  # sending | in_doubt | confirmed | refused | abandoned
    Column("as_of", Date, nullable=False),
    *_required("payload_hash"),
    *_optional("expected_version"),
    Column("attempts", Integer, nullable=False),
    Column("intent", LargeBinary),  # compressed JSON: what is written, with the values before
    Column("created_at", DateTime, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)
Index("ix_delivery_status", delivery.c.vendor, delivery.c.status, delivery.c.unit_key)
Index("ix_delivery_updated", delivery.c.updated_at)
Index("ix_delivery_run", delivery.c.run_id)

feed = _table(
    "feed",
    *_keys("feed_id"),
    *_required("run_id"),
    Column("as_of", Date, nullable=False),
    *_required("status"),  # sending | accepted | done | failed
    Column("lines", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)

Index("ix_feed_status", feed.c.status)
Index("ix_feed_as_of", feed.c.as_of)

feed_line = _table(
    "feed_line",
    *_keys("feed_id", "unit_key"),
    *_required("client_id", "items_hash"),
    Column("source_keys", Text, nullable=False),
    Column("withheld_keys", Text, nullable=False, server_default=""),  # in the CRM, not sent for want of a license
)

household_lock = _table(
    "household_lock",
    *_keys("vendor", "unit_key"),
    *_required("holder"),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),  # seconds since 1970
)

outcome = _table(
    "outcome",
    *_keys("run_id", "vendor", "unit_key"),
    *_required("outcome"),
    Column("reason", Text),
    *_optional("vendor_id"),
    Column("code", Text),  # see `etl.outcomes`
)

Index("ix_outcome_unit", outcome.c.vendor, outcome.c.unit_key)

# What a run decided field by field: written (with the values before and after, compressed JSON), kept, stale, …
field_change = _table(
    "field_change",
    *_keys("run_id", "vendor", "unit_key", "field"),
    *_required("decision"),
    Column("before", LargeBinary),
    Column("after", LargeBinary),
)

Index("ix_field_change_field", field_change.c.vendor, field_change.c.unit_key, field_change.c.field)

# What the vendors reported while a run loaded, until its report takes it over.
load_finding = _table(
    "load_finding",
    *_keys("run_id", "vendor", "unit_key", "rule_id", "entity", "entity_id", "field"),
    Column("detail", Text, nullable=False),
)

finding = _table(
    "finding",
    Column("finding_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(250), nullable=False, index=True),
    *_required("vendor", "unit_key", "rule_id", "severity"),
    *_optional("entity", "entity_id"),
    Column("field", String(120)),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    *_required("status"),  # new | known | mended
    *_optional("first_run_id"),  # the run that found it first; null where it was not kept yet
)

# The findings that stand open now: "new", "known" and "mended" are measured against them.
open_finding = _table(
    "open_finding",
    *_keys("vendor", "unit_key", "finding_key"),
    *_required("rule_id", "severity"),
    *_optional("entity", "entity_id"),
    Column("field", String(120)),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    *_required("first_run_id"),
)

# What was last written into each case, field by field (compressed JSON): the base of the three-way merge. The base
# belongs to the case, whichever unit goes on with it.
case_base = _table(
    "case_base",
    *_keys("vendor", "vendor_case_id"),
    Column("base", LargeBinary, nullable=False),
    *_required("run_id"),
    Column("written_at", DateTime, nullable=False),
)

# The run in which somebody chose another case for a unit: earlier decisions are about the earlier case.
other_case = _table(
    "other_case",
    *_keys("vendor", "unit_key", "run_id"),
    *_required("vendor_case_id"),
    Column("chosen_at", DateTime, nullable=False),
)

answer = _table(
    "answer",
    *_keys("run_id", "vendor", "unit_key"),
    Column("shown", LargeBinary, nullable=False),  # compressed JSON: the vendor's ids that could be chosen, no names
    Column("asked_at", DateTime, nullable=False),
    *_required("status"),  # asked | answered | mistaken | timed_out
    *_optional("choice"),  # the action that was chosen
    *_optional("household_id", "case_id", "answered_by"),
    Column("answered_at", DateTime),
)

# A row stays when the field is unpinned: it says who pinned the field, why, and who unpinned it.
pin = _table(
    "pin",
    Column("pin_id", Integer, primary_key=True, autoincrement=True),
    *_required("vendor", "unit_key", "field"),
    *_required("side"),  # profiles | smartoffice
    Column("reason", Text, nullable=False),
    *_optional("pinned_by"),  # in whose name; triggered_by: by whom
    *_optional("triggered_by"),
    Column("pinned_at", DateTime, nullable=False),
    *_required("run_id"),
    *_optional("unpinned_by", "unpin_triggered_by"),
    Column("unpinned_at", DateTime),
    *_optional("unpinned_in"),  # a run
)
Index("ix_pin_unit", pin.c.vendor, pin.c.unit_key)

# Where the values of a run's units came from: one compressed table for each vendor and shard.
lineage = _table(
    "lineage",
    *_keys("run_id", "vendor"),
    Column("shard", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)

# The tables in which a unit is recorded. A unit with the same `digest` is not recorded again.
lineage_unit = _table(
    "lineage_unit",
    *_keys("vendor", "unit_key", "run_id"),
    Column("shard", Integer, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)
Index("ix_lineage_unit_table", lineage_unit.c.run_id, lineage_unit.c.vendor, lineage_unit.c.shard)
Index("ix_lineage_unit_recorded", lineage_unit.c.recorded_at)

# A life event that somebody confirmed and a run carried out: who, when, why.
life_event = _table(
    "life_event",
    *_keys("vendor", "unit_key", "run_id"),
    *_required("kind"),
    Column("client_sent", BigInteger, nullable=False),
    Column("spouse_sent", BigInteger),
    Column("client", BigInteger, nullable=False),
    Column("spouse", BigInteger),
    *_required("vendor_client_id"),  # the record of the couple as it was
    Column("reason", Text, nullable=False),
    *_optional("confirmed_by"),  # in whose name; triggered_by: by whom
    *_optional("triggered_by"),
    Column("carried_out_at", DateTime, nullable=False),
)

# EMY-MARRIED: a contact's status at eMoney after a confirmed life event, as long as there is no spouse.
marital_status = _table(
    "marital_status",
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    *_required("status"),  # Divorced | Widowed
    *_required("run_id"),
)

# Vendor records of dissolved couples: never linked again.
former_link = _table(
    "former_link",
    *_keys("vendor", "vendor_client_id"),
    *_optional("vendor_case_id"),
    *_required("unit_key", "run_id"),
    Column("ended_at", DateTime, nullable=False),
)

# Two contacts who look like one person, and whom somebody has declared to be two; the lower id comes first.
distinct_people = _table(
    "distinct_people",
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("other_contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    *_optional("decided_by", "triggered_by"),
    Column("decided_at", DateTime, nullable=False),
    *_required("run_id"),
)

# A contact that the CRM merged into another contact. ``known_as``: the key by which the vendors then know the other
# contact; null where they know its own key.
contact_merge = _table(
    "contact_merge",
    Column("merged_contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, nullable=False),
    *_required("matched_by"),
    *_optional("known_as"),
    Column("followed_at", DateTime, nullable=False),
    *_required("run_id"),
)

# Changes of links other than by sending: ended or made by hand, moved with a contact that was merged.
link_change = _table(
    "link_change",
    Column("link_change_id", Integer, primary_key=True, autoincrement=True),
    *_required("vendor", "unit_key"),
    *_required("change"),  # unlinked | linked | merged
    *_required("vendor_client_id"),
    *_optional("vendor_case_id"),
    Column("reason", Text, nullable=False),
    *_optional("changed_by", "triggered_by"),
    Column("changed_at", DateTime, nullable=False),
    *_required("run_id"),
)
Index("ix_link_change_unit", link_change.c.vendor, link_change.c.unit_key)

# What the guards stopped last for a vendor, until a run succeeds. `documents`: what would have been sent, as compressed
# JSON, unit key -> the document's hash.
guard_stop = _table(
    "guard_stop",
    *_keys("vendor"),
    *_required("run_id"),
    Column("as_of", Date, nullable=False),
    Column("causes", Text, nullable=False),  # in words, a JSON list
    *_required("causes_hash", "documents_hash"),
    Column("documents", LargeBinary, nullable=False),
    Column("stopped_at", DateTime, nullable=False),
)

# Who released what the guards had stopped, and why. Rows are only added.
guard_release = _table(
    "guard_release",
    *_keys("run_id"),  # the run that went on
    *_keys("vendor"),
    *_required("stopped_run_id"),
    Column("causes", Text, nullable=False),
    *_required("causes_hash", "documents_hash"),
    Column("reason", Text, nullable=False),
    *_required("released_by"),
    Column("released_at", DateTime, nullable=False),
)

# How many outcomes of a night were removed because they repeated the unit's outcome before.
repeated_outcome = _table(
    "repeated_outcome",
    *_keys("run_id", "vendor", "outcome"),
    Column("units", Integer, nullable=False),
)

# The time up to which a kind of rows was looked through: the next night goes on from there.
removal = _table(
    "removal",
    *_keys("kind"),
    Column("looked_at_until", DateTime, nullable=False),
)

transfer_record = _table(
    "transfer_record",
    *_keys("transfer_id", "entity", "entity_id"),
    *_required("decision"),
    *_optional("rule_id", "target_id"),
)

transfer = _table(
    "transfer",
    *_keys("transfer_id"),  # the run's id
    Column("source_office_id", BigInteger, nullable=False),
    Column("target_office_id", BigInteger, nullable=False),
    *_required("source_database"),  # a fingerprint of its address
    *_required("target_database"),
    *_required("requested_by"),  # in whose name; triggered_by: by whom
    *_optional("triggered_by"),
    *_required("receiving_user", "status"),
    Column("why", Text),
    Column("planned_at", DateTime, nullable=False),
    *_optional("answered_by"),
    Column("answered_at", DateTime),
    Column("closed_at", DateTime),
)

# Contacts that are in a transfer now: only one transfer at a time can have a contact.
transfer_claim = _table(
    "transfer_claim",
    *_keys("database"),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("transfer_id", String(250), nullable=False, index=True),
)

# Contacts that are tied to each other move together or not at all.
transfer_group = _table(
    "transfer_group",
    *_keys("transfer_id"),
    Column("group_no", Integer, primary_key=True, autoincrement=False),
    Column("contacts", Integer, nullable=False),
    *_required("status"),
    *_optional("rule_id"),  # of a group that failed: the rule or constraint, the record, and why in words
    *_optional("entity", "entity_id"),
    Column("why", Text),
    Column("written_at", DateTime),
    Column("retired_at", DateTime),
)

# Beside `transfer_record` (the decision on each row and its new key): where the row hangs, and its canonical hashes.
transfer_row = _table(
    "transfer_row",
    *_keys("transfer_id", "entity", "entity_id"),
    Column("contact_id", BigInteger),
    Column("group_no", Integer),
    *_required("source_hash"),
)

Index("ix_transfer_row_group", transfer_row.c.transfer_id, transfer_row.c.group_no)

# What was written in the target, by its key there: a return within 30 days compares with it. Rows without a row of
# their own in the source (a rebuilt household) are included.
transfer_target_row = _table(
    "transfer_target_row",
    *_keys("transfer_id", "entity", "target_id"),
    Column("group_no", Integer, nullable=False),
    *_required("target_hash"),
)

# Records that a transfer retired, and when: a return sets these back, and no others.
transfer_retired = _table(
    "transfer_retired",
    *_keys("transfer_id", "entity"),
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("group_no", Integer, nullable=False),
    Column("retired_at", DateTime, nullable=False),
)

# The highest key of a table that a transfer has taken, written or not: no key is given twice.
transfer_key = _table(
    "transfer_key",
    *_keys("database", "entity"),
    Column("last_key", BigInteger, nullable=False),
)

# Carriers and products are made once in an office, by the first transfer: the key of each one there.
transfer_shared_key = _table(
    "transfer_shared_key",
    *_keys("source_database", "target_database"),
    Column("target_office_id", BigInteger, primary_key=True, autoincrement=False),
    *_keys("entity"),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("target_id", BigInteger, nullable=False),
)

# Units that change their key with a transfer (XFR-LINKS). ``pending``: no run may write either unit now; ``done``: a
# run that read the CRM before the transfer leaves the old unit alone.
unit_move = _table(
    "unit_move",
    *_keys("from_unit"),
    Column("to_unit", String(40), nullable=False, index=True),
    *_required("transfer_id"),
    Column("group_no", Integer, nullable=False),
    *_required("status"),
)
Index("ix_unit_move_transfer", unit_move.c.transfer_id, unit_move.c.group_no)

# The key by which the vendors know a record that has another key now: ``account:905`` is still ``account:5`` to them.
vendor_key = _table(
    "vendor_key",
    *_keys("crm_key"),
    *_required("known_as"),
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
