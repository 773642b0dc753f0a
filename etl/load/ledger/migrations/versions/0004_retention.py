"""Removal by age: counts in the place of repeated outcomes, how far it has come, an index for each question."""

import sqlalchemy as sa
from alembic import op

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


def upgrade() -> None:
    """Nothing is removed here: the next night begins with the oldest."""
    op.create_table(
        "repeated_outcome",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "vendor", "outcome"),
    )
    op.create_table(
        "removal",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("looked_at_until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.drop_index("ix_delivery_unit", "delivery")
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
