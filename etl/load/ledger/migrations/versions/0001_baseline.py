"""The ledger before it knew its own revision. Fills in what such a ledger lacks; what is there stays."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Tables and indexes as they were; frozen here, whatever the tables module says now."""
    op.create_table(
        "answer",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("shown", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("choice", sa.String(length=40), nullable=True),
        sa.Column("household_id", sa.String(length=120), nullable=True),
        sa.Column("case_id", sa.String(length=120), nullable=True),
        sa.Column("answered_by", sa.String(length=256), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "vendor", "unit_key"),
        if_not_exists=True,
    )
    op.create_table(
        "delivery",
        sa.Column("op_key", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.Column("expected_version", sa.String(length=120), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("intent", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("op_key"),
        if_not_exists=True,
    )
    op.create_index("ix_delivery_run", "delivery", ["run_id"], if_not_exists=True)
    op.create_index("ix_delivery_unit", "delivery", ["vendor", "unit_key", "status"], if_not_exists=True)
    op.create_table(
        "feed",
        sa.Column("feed_id", sa.String(length=80), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id"),
        if_not_exists=True,
    )
    op.create_table(
        "feed_line",
        sa.Column("feed_id", sa.String(length=80), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=120), nullable=False),
        sa.Column("items_hash", sa.String(length=64), nullable=False),
        sa.Column("source_keys", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "unit_key"),
        if_not_exists=True,
    )
    op.create_table(
        "field_change",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("after", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "vendor", "unit_key", "field"),
        if_not_exists=True,
    )
    op.create_table(
        "finding",
        sa.Column("finding_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("rule_id", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=True),
        sa.Column("entity_id", sa.String(length=80), nullable=True),
        sa.Column("field", sa.String(length=120), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("finding_id"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_finding_run_id"), "finding", ["run_id"], if_not_exists=True)
    op.create_table(
        "former_link",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("vendor_client_id", sa.String(length=120), nullable=False),
        sa.Column("vendor_case_id", sa.String(length=120), nullable=True),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "vendor_client_id"),
        if_not_exists=True,
    )
    op.create_table(
        "household_lock",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=250), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key"),
        if_not_exists=True,
    )
    op.create_table(
        "life_event",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("client_sent", sa.BigInteger(), nullable=False),
        sa.Column("spouse_sent", sa.BigInteger(), nullable=True),
        sa.Column("client", sa.BigInteger(), nullable=False),
        sa.Column("spouse", sa.BigInteger(), nullable=True),
        sa.Column("vendor_client_id", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=256), nullable=True),
        sa.Column("carried_out_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key", "run_id"),
        if_not_exists=True,
    )
    op.create_table(
        "lineage",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "vendor", "shard"),
        if_not_exists=True,
    )
    op.create_table(
        "lineage_unit",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key", "run_id"),
        if_not_exists=True,
    )
    op.create_table(
        "link",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("vendor_client_id", sa.String(length=120), nullable=False),
        sa.Column("vendor_case_id", sa.String(length=120), nullable=True),
        sa.Column("connection_id", sa.String(length=120), nullable=True),
        sa.Column("client_contact_id", sa.BigInteger(), nullable=True),
        sa.Column("spouse_contact_id", sa.BigInteger(), nullable=True),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.Column("matched_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key"),
        sa.UniqueConstraint("vendor", "vendor_client_id", name="uq_link_client"),
        if_not_exists=True,
    )
    op.create_table(
        "load_finding",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("rule_id", sa.String(length=60), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=80), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "vendor", "unit_key", "rule_id", "entity", "entity_id", "field"),
        if_not_exists=True,
    )
    op.create_table(
        "marital_status",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("contact_id"),
        if_not_exists=True,
    )
    op.create_table(
        "open_finding",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("finding_key", sa.String(length=64), nullable=False),
        sa.Column("rule_id", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=True),
        sa.Column("entity_id", sa.String(length=80), nullable=True),
        sa.Column("field", sa.String(length=120), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("first_run_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key", "finding_key"),
        if_not_exists=True,
    )
    op.create_table(
        "other_case",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor_case_id", sa.String(length=120), nullable=False),
        sa.Column("chosen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key", "run_id"),
        if_not_exists=True,
    )
    op.create_table(
        "outcome",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("vendor_id", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "vendor", "unit_key"),
        if_not_exists=True,
    )
    op.create_table(
        "pin",
        sa.Column("pin_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("side", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("pinned_by", sa.String(length=256), nullable=True),
        sa.Column("pinned_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("unpinned_by", sa.String(length=256), nullable=True),
        sa.Column("unpinned_at", sa.DateTime(), nullable=True),
        sa.Column("unpinned_in", sa.String(length=250), nullable=True),
        sa.PrimaryKeyConstraint("pin_id"),
        if_not_exists=True,
    )
    op.create_index("ix_pin_unit", "pin", ["vendor", "unit_key"], if_not_exists=True)
    op.create_table(
        "run",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("requested_by", sa.String(length=256), nullable=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("params", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
        if_not_exists=True,
    )
    op.create_table(
        "run_stop",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("step", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step"),
        if_not_exists=True,
    )
    op.create_table(
        "run_vendor",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("watermark", sa.DateTime(), nullable=True),
        sa.Column("units_in_scope", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "vendor"),
        if_not_exists=True,
    )
    op.create_table(
        "sent",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("part", sa.String(length=20), nullable=False),
        sa.Column("offered_hash", sa.String(length=64), nullable=False),
        sa.Column("base", sa.LargeBinary(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "unit_key", "part"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer",
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("source_office_id", sa.BigInteger(), nullable=False),
        sa.Column("target_office_id", sa.BigInteger(), nullable=False),
        sa.Column("source_database", sa.String(length=64), nullable=False),
        sa.Column("target_database", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.String(length=256), nullable=False),
        sa.Column("receiving_user", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("planned_at", sa.DateTime(), nullable=False),
        sa.Column("answered_by", sa.String(length=256), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("transfer_id"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer_claim",
        sa.Column("database", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("database", "contact_id"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_transfer_claim_transfer_id"), "transfer_claim", ["transfer_id"], if_not_exists=True)
    op.create_table(
        "transfer_group",
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("group_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("rule_id", sa.String(length=60), nullable=True),
        sa.Column("entity", sa.String(length=40), nullable=True),
        sa.Column("entity_id", sa.String(length=80), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("written_at", sa.DateTime(), nullable=True),
        sa.Column("retired_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("transfer_id", "group_no"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer_key",
        sa.Column("database", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("last_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("database", "entity"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer_record",
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=80), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("rule_id", sa.String(length=60), nullable=True),
        sa.Column("target_id", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("transfer_id", "entity", "entity_id"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer_retired",
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_no", sa.Integer(), nullable=False),
        sa.Column("retired_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "entity", "entity_id"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer_row",
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=80), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("group_no", sa.Integer(), nullable=True),
        sa.Column("source_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "entity", "entity_id"),
        if_not_exists=True,
    )
    op.create_index("ix_transfer_row_group", "transfer_row", ["transfer_id", "group_no"], if_not_exists=True)
    op.create_table(
        "transfer_shared_key",
        sa.Column("source_database", sa.String(length=64), nullable=False),
        sa.Column("target_database", sa.String(length=64), nullable=False),
        sa.Column("target_office_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_database", "target_database", "target_office_id", "entity", "source_id"),
        if_not_exists=True,
    )
    op.create_table(
        "transfer_target_row",
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("target_id", sa.String(length=80), nullable=False),
        sa.Column("group_no", sa.Integer(), nullable=False),
        sa.Column("target_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "entity", "target_id"),
        if_not_exists=True,
    )
    op.create_table(
        "unit_move",
        sa.Column("from_unit", sa.String(length=40), nullable=False),
        sa.Column("to_unit", sa.String(length=40), nullable=False),
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.Column("group_no", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("from_unit"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_unit_move_to_unit"), "unit_move", ["to_unit"], if_not_exists=True)
    op.create_index("ix_unit_move_transfer", "unit_move", ["transfer_id", "group_no"], if_not_exists=True)
    op.create_table(
        "unit_state",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.PrimaryKeyConstraint("vendor", "unit_key"),
        if_not_exists=True,
    )
    op.create_table(
        "vendor_key",
        sa.Column("crm_key", sa.String(length=80), nullable=False),
        sa.Column("known_as", sa.String(length=80), nullable=False),
        sa.Column("transfer_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("crm_key"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_vendor_key_transfer_id"), "vendor_key", ["transfer_id"], if_not_exists=True)
