"""What guards have stopped, who released it, and how many records each unit had."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Two new tables, empty; the counts come with the first run that is through."""
    op.add_column("unit_state", sa.Column("records", sa.Text()))
    op.create_table(
        "guard_stop",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("causes", sa.Text(), nullable=False),
        sa.Column("causes_hash", sa.String(length=64), nullable=False),
        sa.Column("documents_hash", sa.String(length=64), nullable=False),
        sa.Column("documents", sa.LargeBinary(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor"),
    )
    op.create_table(
        "guard_release",
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("stopped_run_id", sa.String(length=250), nullable=False),
        sa.Column("causes", sa.Text(), nullable=False),
        sa.Column("causes_hash", sa.String(length=64), nullable=False),
        sa.Column("documents_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("released_by", sa.String(length=256), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "vendor"),
    )
