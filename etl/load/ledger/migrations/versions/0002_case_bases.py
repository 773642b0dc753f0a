"""The merge base belongs to the case of Profiles, not to the unit; each linked case keeps the one of its unit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """What units last wrote goes to the cases to which they are linked now."""
    op.create_table(
        "case_base",
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("vendor_case_id", sa.String(length=120), nullable=False),
        sa.Column("base", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("written_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "vendor_case_id"),
    )
    op.execute(
        "INSERT INTO case_base (vendor, vendor_case_id, base, run_id, written_at) "
        "SELECT link.vendor, link.vendor_case_id, sent.base, sent.run_id, sent.sent_at "
        "FROM link JOIN sent ON sent.vendor = link.vendor AND sent.unit_key = link.unit_key "
        "WHERE sent.part = 'case' AND sent.base IS NOT NULL AND link.vendor_case_id IS NOT NULL"
    )
