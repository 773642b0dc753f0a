"""Who is who: people told apart, contacts that were merged, links made and ended by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Three new tables."""
    op.create_table(
        "distinct_people",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("other_contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=256), nullable=True),
        sa.Column("triggered_by", sa.String(length=256), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "other_contact_id"),
    )
    op.create_table(
        "contact_merge",
        sa.Column("merged_contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("matched_by", sa.String(length=40), nullable=False),
        sa.Column("known_as", sa.String(length=80), nullable=True),
        sa.Column("followed_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("merged_contact_id"),
    )
    op.create_table(
        "link_change",
        sa.Column("link_change_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("unit_key", sa.String(length=40), nullable=False),
        sa.Column("change", sa.String(length=20), nullable=False),
        sa.Column("vendor_client_id", sa.String(length=120), nullable=False),
        sa.Column("vendor_case_id", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(length=256), nullable=True),
        sa.Column("triggered_by", sa.String(length=256), nullable=True),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("link_change_id"),
    )
    op.create_index("ix_link_change_unit", "link_change", ["vendor", "unit_key"])
