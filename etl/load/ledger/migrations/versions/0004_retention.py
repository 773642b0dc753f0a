"""Removal by age: counts in the place of repeated outcomes, how far it has come, an index for each question."""

from alembic import op

from etl.tables import create

revision = "0004"
down_revision = "0003"

INDEXES = (
    ("ix_run_started", "run", ["started_at"]),
    ("ix_run_dag", "run", ["dag_id", "started_at"]),
    ("ix_run_vendor_finished", "run_vendor", ["vendor", "finished_at"]),
    ("ix_delivery_status", "delivery", ["vendor", "status", "unit_key"]),
    ("ix_delivery_updated", "delivery", ["updated_at"]),
    ("ix_feed_status", "feed", ["status"]),
    ("ix_feed_as_of", "feed", ["as_of"]),
    ("ix_outcome_unit", "outcome", ["vendor", "unit_key"]),
    ("ix_field_change_field", "field_change", ["vendor", "unit_key", "field"]),
    ("ix_lineage_unit_table", "lineage_unit", ["run_id", "vendor", "shard"]),
    ("ix_lineage_unit_recorded", "lineage_unit", ["recorded_at"]),
)

TABLES = """
repeated_outcome
    run_id text(250) key, vendor text(20) key, outcome text(20) key, units int required

removal
    kind text(20) key, looked_at_until time required
"""


def upgrade() -> None:
    """Nothing is removed here: the next night begins with the oldest."""
    create(op.get_bind(), TABLES)
    op.drop_index("ix_delivery_unit", "delivery")
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
