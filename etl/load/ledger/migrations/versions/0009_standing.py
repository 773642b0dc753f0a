"""An outcome or a finding that only repeats is written once and stands; rows of earlier runs stay as they are."""

import sqlalchemy as sa
from alembic import op

from etl.tables import create

revision = "0009"
down_revision = "0008"

COLUMNS = (
    ("run_vendor", "place"), ("run_vendor", "night"), ("outcome", "stands_from"), ("outcome", "stands_until"),
    ("finding", "stands_from"), ("finding", "stands_until"),
)  # fmt: skip

REPEATED = """
repeated
    repeated_id serial key, run_id text(250) required, vendor text(20) required, unit_keys text required,
    index ix_repeated_run run_id vendor
"""


def upgrade() -> None:
    """Nothing stands yet: the next night writes all that it finds, and later nights what is new."""
    for table, column in COLUMNS:
        op.add_column(table, sa.Column(column, sa.Integer(), nullable=True))
    create(op.get_bind(), REPEATED)
    op.create_index("ix_run_vendor_place", "run_vendor", ["vendor", "place"])
    op.drop_index("ix_outcome_unit", "outcome")
    op.create_index("ix_outcome_unit", "outcome", ["vendor", "unit_key", "stands_until"])
    op.create_index("ix_outcome_stands", "outcome", ["vendor", "stands_until", "unit_key"])
    op.drop_index("ix_finding_run_id", "finding")
    op.create_index("ix_finding_run", "finding", ["run_id", "vendor"])
    op.create_index("ix_finding_unit", "finding", ["vendor", "unit_key", "stands_until"])
