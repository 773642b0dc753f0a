"""The ledger before it knew its own revision. Fills in what such a ledger lacks; what is there stays."""

from alembic import op

revision = "0001"
down_revision = None

# Tables and indexes as they were; frozen here, whatever the tables module says now.
SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
  run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, shown BLOB NOT NULL,
  asked_at DATETIME NOT NULL, status VARCHAR(20) NOT NULL, choice VARCHAR(40), household_id VARCHAR(120),
  case_id VARCHAR(120), answered_by VARCHAR(256), answered_at DATETIME, PRIMARY KEY (run_id, vendor, unit_key));
CREATE TABLE IF NOT EXISTS delivery (
  op_key VARCHAR(64) NOT NULL, run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL,
  step VARCHAR(40) NOT NULL, status VARCHAR(20) NOT NULL, as_of DATE NOT NULL, payload_hash VARCHAR(64) NOT NULL,
  expected_version VARCHAR(120), attempts INTEGER NOT NULL, intent BLOB, created_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL, PRIMARY KEY (op_key));
CREATE INDEX IF NOT EXISTS ix_delivery_run ON delivery (run_id);
CREATE INDEX IF NOT EXISTS ix_delivery_unit ON delivery (vendor, unit_key, status);
CREATE TABLE IF NOT EXISTS feed (
  feed_id VARCHAR(80) NOT NULL, run_id VARCHAR(250) NOT NULL, as_of DATE NOT NULL, status VARCHAR(20) NOT NULL,
  lines INTEGER NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, PRIMARY KEY (feed_id));
CREATE TABLE IF NOT EXISTS feed_line (
  feed_id VARCHAR(80) NOT NULL, unit_key VARCHAR(40) NOT NULL, client_id VARCHAR(120) NOT NULL,
  items_hash VARCHAR(64) NOT NULL, source_keys TEXT NOT NULL, PRIMARY KEY (feed_id, unit_key));
CREATE TABLE IF NOT EXISTS field_change (
  run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, field VARCHAR(200) NOT NULL,
  decision VARCHAR(20) NOT NULL, "before" BLOB, "after" BLOB, PRIMARY KEY (run_id, vendor, unit_key, field));
CREATE TABLE IF NOT EXISTS finding (
  finding_id SERIAL NOT NULL, run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL,
  rule_id VARCHAR(60) NOT NULL, severity VARCHAR(20) NOT NULL, entity VARCHAR(40), entity_id VARCHAR(80),
  field VARCHAR(120), message TEXT NOT NULL, remedy TEXT, status VARCHAR(20) NOT NULL, PRIMARY KEY (finding_id));
CREATE INDEX IF NOT EXISTS ix_finding_run_id ON finding (run_id);
CREATE TABLE IF NOT EXISTS former_link (
  vendor VARCHAR(20) NOT NULL, vendor_client_id VARCHAR(120) NOT NULL, vendor_case_id VARCHAR(120),
  unit_key VARCHAR(40) NOT NULL, run_id VARCHAR(250) NOT NULL, ended_at DATETIME NOT NULL,
  PRIMARY KEY (vendor, vendor_client_id));
CREATE TABLE IF NOT EXISTS household_lock (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, holder VARCHAR(250) NOT NULL, epoch BIGINT NOT NULL,
  expires_at FLOAT NOT NULL, PRIMARY KEY (vendor, unit_key));
CREATE TABLE IF NOT EXISTS life_event (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, run_id VARCHAR(250) NOT NULL, kind VARCHAR(20) NOT NULL,
  client_sent BIGINT NOT NULL, spouse_sent BIGINT, client BIGINT NOT NULL, spouse BIGINT,
  vendor_client_id VARCHAR(120) NOT NULL, reason TEXT NOT NULL, confirmed_by VARCHAR(256),
  carried_out_at DATETIME NOT NULL, PRIMARY KEY (vendor, unit_key, run_id));
CREATE TABLE IF NOT EXISTS lineage (
  run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, shard INTEGER NOT NULL, content BLOB NOT NULL,
  recorded_at DATETIME NOT NULL, PRIMARY KEY (run_id, vendor, shard));
CREATE TABLE IF NOT EXISTS lineage_unit (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, run_id VARCHAR(250) NOT NULL, shard INTEGER NOT NULL,
  digest BIGINT NOT NULL, recorded_at DATETIME NOT NULL, PRIMARY KEY (vendor, unit_key, run_id));
CREATE TABLE IF NOT EXISTS link (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, vendor_client_id VARCHAR(120) NOT NULL,
  vendor_case_id VARCHAR(120), connection_id VARCHAR(120), client_contact_id BIGINT, spouse_contact_id BIGINT,
  linked_at DATETIME NOT NULL, matched_by VARCHAR(40) NOT NULL, PRIMARY KEY (vendor, unit_key),
  CONSTRAINT uq_link_client UNIQUE (vendor, vendor_client_id));
CREATE TABLE IF NOT EXISTS load_finding (
  run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL,
  rule_id VARCHAR(60) NOT NULL, entity VARCHAR(40) NOT NULL, entity_id VARCHAR(80) NOT NULL,
  field VARCHAR(200) NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (run_id, vendor, unit_key, rule_id, entity, entity_id, field));
CREATE TABLE IF NOT EXISTS marital_status (
  contact_id BIGINT NOT NULL, status VARCHAR(20) NOT NULL, run_id VARCHAR(250) NOT NULL, PRIMARY KEY (contact_id));
CREATE TABLE IF NOT EXISTS open_finding (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, finding_key VARCHAR(64) NOT NULL,
  rule_id VARCHAR(60) NOT NULL, severity VARCHAR(20) NOT NULL, entity VARCHAR(40), entity_id VARCHAR(80),
  field VARCHAR(120), message TEXT NOT NULL, remedy TEXT, first_run_id VARCHAR(250) NOT NULL,
  PRIMARY KEY (vendor, unit_key, finding_key));
CREATE TABLE IF NOT EXISTS other_case (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, run_id VARCHAR(250) NOT NULL,
  vendor_case_id VARCHAR(120) NOT NULL, chosen_at DATETIME NOT NULL, PRIMARY KEY (vendor, unit_key, run_id));
CREATE TABLE IF NOT EXISTS outcome (
  run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL,
  outcome VARCHAR(20) NOT NULL, reason TEXT, vendor_id VARCHAR(120), PRIMARY KEY (run_id, vendor, unit_key));
CREATE TABLE IF NOT EXISTS pin (
  pin_id SERIAL NOT NULL, vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, field VARCHAR(200) NOT NULL,
  side VARCHAR(20) NOT NULL, reason TEXT NOT NULL, pinned_by VARCHAR(256), pinned_at DATETIME NOT NULL,
  run_id VARCHAR(250) NOT NULL, unpinned_by VARCHAR(256), unpinned_at DATETIME, unpinned_in VARCHAR(250),
  PRIMARY KEY (pin_id));
CREATE INDEX IF NOT EXISTS ix_pin_unit ON pin (vendor, unit_key);
CREATE TABLE IF NOT EXISTS run (
  run_id VARCHAR(250) NOT NULL, dag_id VARCHAR(250) NOT NULL, as_of DATE NOT NULL, requested_by VARCHAR(256),
  dry_run BOOLEAN NOT NULL, status VARCHAR(20) NOT NULL, started_at DATETIME NOT NULL, finished_at DATETIME,
  params TEXT, PRIMARY KEY (run_id));
CREATE TABLE IF NOT EXISTS run_stop (
  run_id VARCHAR(250) NOT NULL, step VARCHAR(120) NOT NULL, why TEXT NOT NULL, stopped_at DATETIME NOT NULL,
  PRIMARY KEY (run_id, step));
CREATE TABLE IF NOT EXISTS run_vendor (
  run_id VARCHAR(250) NOT NULL, vendor VARCHAR(20) NOT NULL, watermark DATETIME, units_in_scope INTEGER NOT NULL,
  finished_at DATETIME, PRIMARY KEY (run_id, vendor));
CREATE TABLE IF NOT EXISTS sent (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, part VARCHAR(20) NOT NULL,
  offered_hash VARCHAR(64) NOT NULL, base BLOB, as_of DATE NOT NULL, run_id VARCHAR(250) NOT NULL,
  sent_at DATETIME NOT NULL, PRIMARY KEY (vendor, unit_key, part));
CREATE TABLE IF NOT EXISTS transfer (
  transfer_id VARCHAR(250) NOT NULL, source_office_id BIGINT NOT NULL, target_office_id BIGINT NOT NULL,
  source_database VARCHAR(64) NOT NULL, target_database VARCHAR(64) NOT NULL, requested_by VARCHAR(256) NOT NULL,
  receiving_user VARCHAR(256) NOT NULL, status VARCHAR(20) NOT NULL, why TEXT, planned_at DATETIME NOT NULL,
  answered_by VARCHAR(256), answered_at DATETIME, closed_at DATETIME, PRIMARY KEY (transfer_id));
CREATE TABLE IF NOT EXISTS transfer_claim (
  "database" VARCHAR(64) NOT NULL, contact_id BIGINT NOT NULL, transfer_id VARCHAR(250) NOT NULL,
  PRIMARY KEY ("database", contact_id));
CREATE INDEX IF NOT EXISTS ix_transfer_claim_transfer_id ON transfer_claim (transfer_id);
CREATE TABLE IF NOT EXISTS transfer_group (
  transfer_id VARCHAR(250) NOT NULL, group_no INTEGER NOT NULL, contacts INTEGER NOT NULL, status VARCHAR(20) NOT NULL,
  rule_id VARCHAR(60), entity VARCHAR(40), entity_id VARCHAR(80), why TEXT, written_at DATETIME, retired_at DATETIME,
  PRIMARY KEY (transfer_id, group_no));
CREATE TABLE IF NOT EXISTS transfer_key (
  "database" VARCHAR(64) NOT NULL, entity VARCHAR(40) NOT NULL, last_key BIGINT NOT NULL,
  PRIMARY KEY ("database", entity));
CREATE TABLE IF NOT EXISTS transfer_record (
  transfer_id VARCHAR(250) NOT NULL, entity VARCHAR(40) NOT NULL, entity_id VARCHAR(80) NOT NULL,
  decision VARCHAR(20) NOT NULL, rule_id VARCHAR(60), target_id VARCHAR(80),
  PRIMARY KEY (transfer_id, entity, entity_id));
CREATE TABLE IF NOT EXISTS transfer_retired (
  transfer_id VARCHAR(250) NOT NULL, entity VARCHAR(40) NOT NULL, entity_id BIGINT NOT NULL, group_no INTEGER NOT NULL,
  retired_at DATETIME NOT NULL, PRIMARY KEY (transfer_id, entity, entity_id));
CREATE TABLE IF NOT EXISTS transfer_row (
  transfer_id VARCHAR(250) NOT NULL, entity VARCHAR(40) NOT NULL, entity_id VARCHAR(80) NOT NULL, contact_id BIGINT,
  group_no INTEGER, source_hash VARCHAR(64) NOT NULL, PRIMARY KEY (transfer_id, entity, entity_id));
CREATE INDEX IF NOT EXISTS ix_transfer_row_group ON transfer_row (transfer_id, group_no);
CREATE TABLE IF NOT EXISTS transfer_shared_key (
  source_database VARCHAR(64) NOT NULL, target_database VARCHAR(64) NOT NULL, target_office_id BIGINT NOT NULL,
  entity VARCHAR(40) NOT NULL, source_id BIGINT NOT NULL, target_id BIGINT NOT NULL,
  PRIMARY KEY (source_database, target_database, target_office_id, entity, source_id));
CREATE TABLE IF NOT EXISTS transfer_target_row (
  transfer_id VARCHAR(250) NOT NULL, entity VARCHAR(40) NOT NULL, target_id VARCHAR(80) NOT NULL,
  group_no INTEGER NOT NULL, target_hash VARCHAR(64) NOT NULL, PRIMARY KEY (transfer_id, entity, target_id));
CREATE TABLE IF NOT EXISTS unit_move (
  from_unit VARCHAR(40) NOT NULL, to_unit VARCHAR(40) NOT NULL, transfer_id VARCHAR(250) NOT NULL,
  group_no INTEGER NOT NULL, status VARCHAR(20) NOT NULL, PRIMARY KEY (from_unit));
CREATE INDEX IF NOT EXISTS ix_unit_move_to_unit ON unit_move (to_unit);
CREATE INDEX IF NOT EXISTS ix_unit_move_transfer ON unit_move (transfer_id, group_no);
CREATE TABLE IF NOT EXISTS unit_state (
  vendor VARCHAR(20) NOT NULL, unit_key VARCHAR(40) NOT NULL, digest BIGINT, outcome VARCHAR(20), run_id VARCHAR(250),
  PRIMARY KEY (vendor, unit_key));
CREATE TABLE IF NOT EXISTS vendor_key (
  crm_key VARCHAR(80) NOT NULL, known_as VARCHAR(80) NOT NULL, transfer_id VARCHAR(250) NOT NULL,
  PRIMARY KEY (crm_key));
CREATE INDEX IF NOT EXISTS ix_vendor_key_transfer_id ON vendor_key (transfer_id);
"""
# Types by which one of the databases calls them otherwise.
TYPES = {
    "sqlite": {"SERIAL": "INTEGER"},
    "postgresql": {"DATETIME": "TIMESTAMP", "BLOB": "BYTEA"},
}


def upgrade() -> None:
    """The schema, in the types of the database."""
    schema = SCHEMA
    for name, here in TYPES[op.get_context().dialect.name].items():
        schema = schema.replace(f" {name}", f" {here}")
    for statement in schema.split(";\n"):
        if statement.strip():
            op.execute(statement)
