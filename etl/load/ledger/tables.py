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

from functools import partial

from sqlalchemy import Connection, MetaData, event

from etl.tables import table

metadata = MetaData()
_table = partial(table, metadata)

run = _table("""run
    run_id text(250) key, dag_id text(250) required, as_of date required, requested_by text(256),  -- in whose name
    triggered_by text(256),  -- by whom; none: the schedule
    dry_run flag required, status text(20) required,  -- running | success | failed
    started_at time required, finished_at time, params text,
    index ix_run_started started_at, index ix_run_dag dag_id started_at
""")

# Why a step stopped the run, in words. A step that is started again removes its row.
run_stop = _table("""run_stop
    run_id text(250) key, step text(120) key, why text required, stopped_at time required
""")

# What a run saw of the CRM, for each vendor: where the next run begins (SCP-4).
run_vendor = _table("""run_vendor
    run_id text(250) key, vendor text(20) key, watermark time, units_in_scope int required, finished_at time,
    place int,  -- among the vendor's runs, in the order in which they ended; see `etl.load.ledger.standing`
    night int,  -- the same, of a run in which outcomes stand
    index ix_run_vendor_finished vendor finished_at, index ix_run_vendor_place vendor place
""")

# Each unit after its last run: its digest then, and how it ended. ``basis``: a hash of what all verdicts of that run
# rested on. ``standing``: a hash of the unit's link and of what was last sent, as a night left them; null where another
# run has dealt with the unit last. See `include.pipelines.refresh.carried`.
unit_state = _table("""unit_state
    vendor text(20) key, unit_key text(40) key, digest long,
    records text,  -- how many of each table, a JSON list in the order of `etl.extract.changes.TABLES`
    outcome text(20), run_id text(250), basis long, standing long,
    receipts text  -- how many of its records and values do not go, by rule
""")

link = _table("""link
    vendor text(20) key, unit_key text(40) key, vendor_client_id text(120) required, vendor_case_id text(120),
    connection_id text(120), client_contact_id id,  -- as last sent (LIFE-EVENT)
    spouse_contact_id id, linked_at time required, matched_by text(40) required,
    unique uq_link_client vendor vendor_client_id
""")

# What was last sent to the vendor. `offered_hash`: the hash of the whole payload that was last dealt with. `base`: the
# values that we last wrote, field by field (compressed JSON); the values of a case are in `case_base`. `line`: the
# unit's line of the feed, beside items (`etl.load.ledger.feeds`).
sent = _table("""sent
    vendor text(20) key, unit_key text(40) key, part text(20) key,  -- case | client | spouse | items
    offered_hash text(64) required, base bytes, line bytes, as_of date required, run_id text(250) required,
    sent_at time required
""")

# Calls under one API key (`etl.load.ledger.permits`), by the server's clock in seconds since 1970. Only PostgreSQL has
# rows: machines that share no ledger cannot share a limit.
vendor_call = _table("""vendor_call
    call_id serial key, limiter text(64) required,  -- a hash of the key
    over_at float required,  -- where its end is not reported: the end of its lease
    ended_at float,
    index ix_vendor_call_limiter limiter
""")

# Who waits for a place, in the order of asking.
vendor_waiter = _table("""vendor_waiter
    ticket serial key, limiter text(64) required, wanted int required, seen_at float required,
    index ix_vendor_waiter_limiter limiter
""")

delivery = _table("""delivery
    op_key text(64) key, run_id text(250) required, vendor text(20) required, unit_key text(40) required,
    step text(40) required, status text(20) required,  -- sending | in_doubt | confirmed | refused | abandoned
    as_of date required, payload_hash text(64) required, expected_version text(120), attempts int required,
    intent bytes,  -- compressed JSON: what is written, with the values before
    created_at time required, updated_at time required,
    index ix_delivery_status vendor status unit_key, index ix_delivery_updated updated_at,
    index ix_delivery_run run_id
""")

feed = _table("""feed
    feed_id text(80) key, run_id text(250) required, as_of date required,
    status text(20) required,  -- sending | accepted | done | failed
    lines int required, content bytes,  -- compressed JSON: what each line had, until the feed has a result
    created_at time required, updated_at time required,
    index ix_feed_status status, index ix_feed_as_of as_of
""")

household_lock = _table("""household_lock
    vendor text(20) key, unit_key text(40) key, holder text(250) required, epoch long required,
    expires_at float required  -- seconds since 1970
""")

outcome = _table("""outcome
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, outcome text(20) required, reason text,
    vendor_id text(120), code text,  -- see `etl.outcomes`
    stands_from int, stands_until int,  -- the places in which it stands: after the first, up to the second
    index ix_outcome_unit vendor unit_key stands_until, index ix_outcome_stands vendor stands_until unit_key
""")

# Units that end in a run as they stand, until the run is closed: a JSON list of their keys.
repeated = _table("""repeated
    repeated_id serial key, run_id text(250) required, vendor text(20) required, unit_keys text required,
    index ix_repeated_run run_id vendor
""")

# What a run decided field by field: written (with the values before and after, compressed JSON), kept, stale, …
field_change = _table("""field_change
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, field text(200) key, decision text(20) required,
    before bytes, after bytes,
    index ix_field_change_field vendor unit_key field
""")

# What the vendors reported while a run loaded, until its report takes it over.
load_finding = _table("""load_finding
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, rule_id text(60) key, entity text(40) key,
    entity_id text(80) key, field text(200) key, detail text required
""")

finding = _table("""finding
    finding_id serial key, run_id text(250) required, vendor text(20) required,
    unit_key text(40) required, rule_id text(60) required, severity text(20) required, entity text(40),
    entity_id text(80), field text(120), message text required, remedy text,
    status text(20) required,  -- new | known | mended
    first_run_id text(250),  -- the run that found it first; null where it was not kept yet
    stands_from int, stands_until int,  -- as those of an outcome
    waiver_id int,  -- the waiver that covered it in that run
    index ix_finding_run run_id vendor, index ix_finding_unit vendor unit_key stands_until
""")

# The findings that stand open now: "new", "known" and "mended" are measured against them.
open_finding = _table("""open_finding
    vendor text(20) key, unit_key text(40) key, finding_key text(64) key, rule_id text(60) required,
    severity text(20) required, entity text(40), entity_id text(80), field text(120), message text required,
    remedy text, first_run_id text(250) required
""")

# What was last written into each case, field by field (compressed JSON): the base of the three-way merge. The base
# belongs to the case, whichever unit goes on with it.
case_base = _table("""case_base
    vendor text(20) key, vendor_case_id text(120) key, base bytes required, run_id text(250) required,
    written_at time required
""")

# What persons let through for a time although a rule finds it wrong. In force from `from_day` on, and open again on
# `until_day`.
waiver = _table("""waiver
    waiver_id serial key, unit_key text(40) required, rule_id text(60) required,
    entity text(40) required, entity_id text(80) required,  -- the record; both are '' where it is the whole unit
    reason text required, from_day date required, until_day date required,
    asked_by text(256) required, asked_at time required,
    approved_by text(256), approved_at time,  -- a second person; without one it covers nothing critical
    ended_by text(256), ended_at time, ended_why text,
    index ix_waiver_unit unit_key rule_id, index ix_waiver_until until_day
""")

# Which side is right where the CRM and an edit in Profiles differ, for the two values that the person saw, by hash.
field_decision = _table("""field_decision
    decision_id serial key, unit_key text(40) required, field text(200) required,
    vendor_case_id text(120) required, side text(20) required,  -- profiles | smartoffice
    theirs_hash text(64) required, ours_hash text(64) required,  -- at Profiles; in the CRM
    reason text required, decided_by text(256) required, decided_at time required,
    carried_run text(250), carried_at time,  -- the first run that went by it
    ending text(20),  -- written | agreed | lapsed | withdrawn
    ended_run text(250), ended_at time,
    index ix_field_decision_unit unit_key ended_at
""")

# What the next night would do, as the last forecast said. `counts`: by vendor and outcome, as JSON.
forecast = _table("""forecast
    run_id text(250) key, as_of date required, made_at time required, counts text required
""")

# The units of the last forecast whose outcome would not be `unchanged`.
forecast_unit = _table("""forecast_unit
    vendor text(20) key, unit_key text(40) key, outcome text(20) required, reason text, code text,
    household_name text required, head_name text required, office_id id, office_name text required,
    advisor text required,
    index ix_forecast_unit_office office_id
""")

# The run in which somebody chose another case for a unit: earlier decisions are about the earlier case.
other_case = _table("""other_case
    vendor text(20) key, unit_key text(40) key, run_id text(250) key, vendor_case_id text(120) required,
    chosen_at time required
""")

answer = _table("""answer
    run_id text(250) key, vendor text(20) key, unit_key text(40) key,
    shown bytes required,  -- compressed JSON: the vendor's ids that could be chosen, no names
    asked_at time required, status text(20) required,  -- asked | answered | mistaken | timed_out
    choice text(40),  -- the action that was chosen
    household_id text(120), case_id text(120), answered_by text(256), answered_at time
""")

# A row stays when the field is unpinned: it says who pinned the field, why, and who unpinned it.
pin = _table("""pin
    pin_id serial key, vendor text(20) required, unit_key text(40) required, field text(200) required,
    side text(20) required,  -- profiles | smartoffice
    reason text required, pinned_by text(256),  -- in whose name; triggered_by: by whom
    triggered_by text(256), pinned_at time required, run_id text(250) required, unpinned_by text(256),
    unpin_triggered_by text(256), unpinned_at time, unpinned_in text(250),  -- a run
    index ix_pin_unit vendor unit_key
""")

# Where the values of a run's units came from: one compressed table for each vendor and shard.
lineage = _table("""lineage
    run_id text(250) key, vendor text(20) key, shard int key, content bytes required, recorded_at time required
""")

# The tables in which a unit is recorded. A unit with the same `digest` is not recorded again.
lineage_unit = _table("""lineage_unit
    vendor text(20) key, unit_key text(40) key, run_id text(250) key, shard int required, digest long required,
    recorded_at time required,
    index ix_lineage_unit_table run_id vendor shard, index ix_lineage_unit_recorded recorded_at
""")

# A life event that somebody confirmed and a run carried out: who, when, why.
life_event = _table("""life_event
    vendor text(20) key, unit_key text(40) key, run_id text(250) key, kind text(20) required, client_sent id required,
    spouse_sent id, client id required, spouse id,
    vendor_client_id text(120) required,  -- the record of the couple as it was
    reason text required, confirmed_by text(256),  -- in whose name; triggered_by: by whom
    triggered_by text(256), carried_out_at time required
""")

# EMY-MARRIED: a contact's status at eMoney after a confirmed life event, as long as there is no spouse.
marital_status = _table("""marital_status
    contact_id id key, status text(20) required,  -- Divorced | Widowed
    run_id text(250) required
""")

# Vendor records of dissolved couples: never linked again.
former_link = _table("""former_link
    vendor text(20) key, vendor_client_id text(120) key, vendor_case_id text(120), unit_key text(40) required,
    run_id text(250) required, ended_at time required
""")

# Two contacts who look like one person, and whom somebody has declared to be two; the lower id comes first.
distinct_people = _table("""distinct_people
    contact_id id key, other_contact_id id key, reason text required, decided_by text(256), triggered_by text(256),
    decided_at time required, run_id text(250) required
""")

# A contact that the CRM merged into another contact. ``known_as``: the key by which the vendors then know the other
# contact; null where they know its own key.
contact_merge = _table("""contact_merge
    merged_contact_id id key, contact_id id required, matched_by text(40) required, known_as text(80),
    followed_at time required, run_id text(250) required
""")

# Changes of links other than by sending: ended or made by hand, moved with a contact that was merged.
link_change = _table("""link_change
    link_change_id serial key, vendor text(20) required, unit_key text(40) required,
    change text(20) required,  -- unlinked | linked | merged
    vendor_client_id text(120) required, vendor_case_id text(120), reason text required, changed_by text(256),
    triggered_by text(256), changed_at time required, run_id text(250) required,
    index ix_link_change_unit vendor unit_key
""")

# What the guards stopped last for a vendor, until a run succeeds. `documents`: what would have been sent, as compressed
# JSON, unit key -> the document's hash.
guard_stop = _table("""guard_stop
    vendor text(20) key, run_id text(250) required, as_of date required,
    causes text required,  -- in words, a JSON list
    causes_hash text(64) required, documents_hash text(64) required, documents bytes required,
    stopped_at time required, details text  -- the causes in their parts, a JSON list
""")

# Who released what the guards had stopped, and why. Rows are only added.
guard_release = _table("""guard_release
    run_id text(250) key,  -- the run that went on
    vendor text(20) key, stopped_run_id text(250) required, causes text required, causes_hash text(64) required,
    documents_hash text(64) required, reason text required, released_by text(256) required, released_at time required
""")

# How many outcomes of a night were removed because they repeated the unit's outcome before. Only ledgers of earlier
# revisions have rows: what repeats is not written any more.
repeated_outcome = _table("""repeated_outcome
    run_id text(250) key, vendor text(20) key, outcome text(20) key, units int required
""")

# The time up to which a kind of rows was looked through: the next night goes on from there.
removal = _table("""removal
    kind text(20) key, looked_at_until time required
""")

transfer_record = _table("""transfer_record
    transfer_id text(250) key, entity text(40) key, entity_id text(80) key, decision text(20) required,
    rule_id text(60), target_id text(80)
""")

transfer = _table("""transfer
    transfer_id text(250) key,  -- the run's id
    source_office_id id required, target_office_id id required,
    source_database text(64) required,  -- a fingerprint of its address
    target_database text(64) required, requested_by text(256) required,  -- in whose name; triggered_by: by whom
    triggered_by text(256), receiving_user text(256) required, status text(20) required, why text,
    planned_at time required, answered_by text(256), answered_at time, closed_at time
""")

# Contacts that are in a transfer now: only one transfer at a time can have a contact.
transfer_claim = _table("""transfer_claim
    database text(64) key, contact_id id key, transfer_id text(250) required,
    index ix_transfer_claim_transfer_id transfer_id
""")

# Contacts that are tied to each other move together or not at all.
transfer_group = _table("""transfer_group
    transfer_id text(250) key, group_no int key, contacts int required, status text(20) required,
    rule_id text(60),  -- of a group that failed: the rule or constraint, the record, and why in words
    entity text(40), entity_id text(80), why text, written_at time, retired_at time
""")

# Beside `transfer_record` (the decision on each row and its new key): where the row hangs, and its canonical hashes.
transfer_row = _table("""transfer_row
    transfer_id text(250) key, entity text(40) key, entity_id text(80) key, contact_id id, group_no int,
    source_hash text(64) required,
    index ix_transfer_row_group transfer_id group_no
""")

# What was written in the target, by its key there: a return within 30 days compares with it. Rows without a row of
# their own in the source (a rebuilt household) are included.
transfer_target_row = _table("""transfer_target_row
    transfer_id text(250) key, entity text(40) key, target_id text(80) key, group_no int required,
    target_hash text(64) required
""")

# Records that a transfer retired, and when: a return sets these back, and no others.
transfer_retired = _table("""transfer_retired
    transfer_id text(250) key, entity text(40) key, entity_id id key, group_no int required, retired_at time required
""")

# The highest key of a table that a transfer has taken, written or not: no key is given twice.
transfer_key = _table("""transfer_key
    database text(64) key, entity text(40) key, last_key long required
""")

# Carriers and products are made once in an office, by the first transfer: the key of each one there.
transfer_shared_key = _table("""transfer_shared_key
    source_database text(64) key, target_database text(64) key, target_office_id id key, entity text(40) key,
    source_id id key, target_id id required
""")

# Units that change their key with a transfer (XFR-LINKS). ``pending``: no run may write either unit now; ``done``: a
# run that read the CRM before the transfer leaves the old unit alone.
unit_move = _table("""unit_move
    from_unit text(40) key, to_unit text(40) required, transfer_id text(250) required, group_no int required,
    status text(20) required,
    index ix_unit_move_transfer transfer_id group_no, index ix_unit_move_to_unit to_unit
""")

# The key by which the vendors know a record that has another key now: ``account:905`` is still ``account:5`` to them.
vendor_key = _table("""vendor_key
    crm_key text(80) key, known_as text(80) required, transfer_id text(250) required,
    index ix_vendor_key_transfer_id transfer_id
""")

# What stewards work on: one item for each unit, rule and record with an open finding, over both vendors and all runs.
# An item opens, changes and closes in the transaction that closes a run (`etl.load.ledger.desk.items`).
work_item = _table("""work_item
    item_id serial key, unit_key text(40) required, rule_id text(60) required,
    entity text(40) required, entity_id text(80) required,  -- '' where the finding names no record
    severity text(20) required,  -- the worst of its open findings
    vendors text(60) required,  -- those at which it stands open, with blanks between them
    fields text, message text required, remedy text,
    state text(20) required,  -- new | acknowledged | waiting | mended
    assigned_to text(256), waiting_for text(256), opened_run text(250) required, opened_at time required,
    closed_run text(250), closed_at time, times_opened int required,
    unique uq_work_item unit_key rule_id entity entity_id, index ix_work_item_state state rule_id,
    index ix_work_item_closed closed_at
""")

# What became of an item. Rows are only added.
work_item_event = _table("""work_item_event
    event_id serial key, item_id int required,
    kind text(20) required,  -- see `etl.load.ledger.desk.items` and `etl.load.ledger.desk.work`
    at time required, run_id text(250), actor text(256), before text, after text, note text,
    index ix_work_item_event_item item_id, index ix_work_item_event_at at
""")

# How people find the units that have, or had, an item: as the CRM named them when a run last read them.
work_unit = _table("""work_unit
    unit_key text(40) key, household_name text required, head_name text required, office_id id,
    office_name text required,
    advisor text(256) required,  -- the CRM user of the client, '' for none
    names text required,  -- as they are compared (`etl.names`)
    contact_ids text required,  -- of the members, with blanks between them
    seen_at time required,
    index ix_work_unit_office office_id
""")

# Who did what on the desk. Rows are only added: each holds the hash of the one before. The database refuses changes.
audit_entry = _table("""audit_entry
    entry_id int key,  -- 1, 2, 3 … without a gap
    at time required, actor text(256) required, action text(60) required,
    subject text(300) required,  -- such as item:12, unit:H12
    before text, after text,  -- JSON
    reason text, previous_hash text(64) required, entry_hash text(64) required,
    index ix_audit_entry_subject subject
""")

# What people got by e-mail, or will get: no data of clients.
notice = _table("""notice
    notice_id serial key, recipient text(256) required,  -- as the file of addresses names it
    about text(300) required,  -- such as digest:2026-11-30, run:<run id>:failed
    content text required,  -- JSON: codes, counts, ids
    made_at time required, begun_at time,  -- before the mail leaves
    sent_at time,
    unique uq_notice recipient about
""")

_REFUSED = "audit entries are only added"
# What a trigger of PostgreSQL calls: a dump of the tables does not hold it.
REFUSING_FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
)
_ONLY_ADDED = {
    "sqlite": [
        f"CREATE TRIGGER audit_entry_{change.lower()} BEFORE {change} ON audit_entry "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        for change in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        REFUSING_FUNCTION,
        "CREATE TRIGGER audit_entry_change BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
    ],
}


@event.listens_for(audit_entry, "after_create")
def _refuse_changes(_table: object, connection: Connection, **_options: object) -> None:
    for statement in _ONLY_ADDED[connection.dialect.name]:
        connection.exec_driver_sql(statement)
