"""The ledger before it knew its own revision. Fills in what such a ledger lacks; what is there stays."""

from alembic import op

from etl.tables import create

revision = "0001"
down_revision = None

# Tables and indexes as they were; frozen here, whatever the tables module says now.
TABLES = """
answer
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, shown bytes required, asked_at time required,
    status text(20) required, choice text(40), household_id text(120), case_id text(120), answered_by text(256),
    answered_at time

delivery
    op_key text(64) key, run_id text(250) required, vendor text(20) required, unit_key text(40) required,
    step text(40) required, status text(20) required, as_of date required, payload_hash text(64) required,
    expected_version text(120), attempts int required, intent bytes, created_at time required, updated_at time required,
    index ix_delivery_run run_id, index ix_delivery_unit vendor unit_key status

feed
    feed_id text(80) key, run_id text(250) required, as_of date required, status text(20) required, lines int required,
    created_at time required, updated_at time required

feed_line
    feed_id text(80) key, unit_key text(40) key, client_id text(120) required, items_hash text(64) required,
    source_keys text required

field_change
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, field text(200) key, decision text(20) required,
    before bytes, after bytes

finding
    finding_id serial key, run_id text(250) required, vendor text(20) required, unit_key text(40) required,
    rule_id text(60) required, severity text(20) required, entity text(40), entity_id text(80), field text(120),
    message text required, remedy text, status text(20) required,
    index ix_finding_run_id run_id

former_link
    vendor text(20) key, vendor_client_id text(120) key, vendor_case_id text(120), unit_key text(40) required,
    run_id text(250) required, ended_at time required

household_lock
    vendor text(20) key, unit_key text(40) key, holder text(250) required, epoch long required,
    expires_at float required

life_event
    vendor text(20) key, unit_key text(40) key, run_id text(250) key, kind text(20) required, client_sent id required,
    spouse_sent id, client id required, spouse id, vendor_client_id text(120) required, reason text required,
    confirmed_by text(256), carried_out_at time required

lineage
    run_id text(250) key, vendor text(20) key, shard int key, content bytes required, recorded_at time required

lineage_unit
    vendor text(20) key, unit_key text(40) key, run_id text(250) key, shard int required, digest long required,
    recorded_at time required

link
    vendor text(20) key, unit_key text(40) key, vendor_client_id text(120) required, vendor_case_id text(120),
    connection_id text(120), client_contact_id id, spouse_contact_id id, linked_at time required,
    matched_by text(40) required,
    unique uq_link_client vendor vendor_client_id

load_finding
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, rule_id text(60) key, entity text(40) key,
    entity_id text(80) key, field text(200) key, detail text required

marital_status
    contact_id id key, status text(20) required, run_id text(250) required

open_finding
    vendor text(20) key, unit_key text(40) key, finding_key text(64) key, rule_id text(60) required,
    severity text(20) required, entity text(40), entity_id text(80), field text(120), message text required,
    remedy text, first_run_id text(250) required

other_case
    vendor text(20) key, unit_key text(40) key, run_id text(250) key, vendor_case_id text(120) required,
    chosen_at time required

outcome
    run_id text(250) key, vendor text(20) key, unit_key text(40) key, outcome text(20) required, reason text,
    vendor_id text(120)

pin
    pin_id serial key, vendor text(20) required, unit_key text(40) required, field text(200) required,
    side text(20) required, reason text required, pinned_by text(256), pinned_at time required,
    run_id text(250) required, unpinned_by text(256), unpinned_at time, unpinned_in text(250),
    index ix_pin_unit vendor unit_key

run
    run_id text(250) key, dag_id text(250) required, as_of date required, requested_by text(256),
    dry_run flag required, status text(20) required, started_at time required, finished_at time, params text

run_stop
    run_id text(250) key, step text(120) key, why text required, stopped_at time required

run_vendor
    run_id text(250) key, vendor text(20) key, watermark time, units_in_scope int required, finished_at time

sent
    vendor text(20) key, unit_key text(40) key, part text(20) key, offered_hash text(64) required, base bytes,
    as_of date required, run_id text(250) required, sent_at time required

transfer
    transfer_id text(250) key, source_office_id id required, target_office_id id required,
    source_database text(64) required, target_database text(64) required, requested_by text(256) required,
    receiving_user text(256) required, status text(20) required, why text, planned_at time required,
    answered_by text(256), answered_at time, closed_at time

transfer_claim
    database text(64) key, contact_id id key, transfer_id text(250) required,
    index ix_transfer_claim_transfer_id transfer_id

transfer_group
    transfer_id text(250) key, group_no int key, contacts int required, status text(20) required, rule_id text(60),
    entity text(40), entity_id text(80), why text, written_at time, retired_at time

transfer_key
    database text(64) key, entity text(40) key, last_key long required

transfer_record
    transfer_id text(250) key, entity text(40) key, entity_id text(80) key, decision text(20) required,
    rule_id text(60), target_id text(80)

transfer_retired
    transfer_id text(250) key, entity text(40) key, entity_id id key, group_no int required, retired_at time required

transfer_row
    transfer_id text(250) key, entity text(40) key, entity_id text(80) key, contact_id id, group_no int,
    source_hash text(64) required,
    index ix_transfer_row_group transfer_id group_no

transfer_shared_key
    source_database text(64) key, target_database text(64) key, target_office_id id key, entity text(40) key,
    source_id id key, target_id id required

transfer_target_row
    transfer_id text(250) key, entity text(40) key, target_id text(80) key, group_no int required,
    target_hash text(64) required

unit_move
    from_unit text(40) key, to_unit text(40) required, transfer_id text(250) required, group_no int required,
    status text(20) required,
    index ix_unit_move_to_unit to_unit, index ix_unit_move_transfer transfer_id group_no

unit_state
    vendor text(20) key, unit_key text(40) key, digest long, outcome text(20), run_id text(250)

vendor_key
    crm_key text(80) key, known_as text(80) required, transfer_id text(250) required,
    index ix_vendor_key_transfer_id transfer_id
"""


def upgrade() -> None:
    """What is missing of the tables and indexes."""
    create(op.get_bind(), TABLES)
