"""What guards have stopped, who released it, and how many records each unit had."""

import sqlalchemy as sa
from alembic import op

from etl.tables import create

revision = "0005"
down_revision = "0004"

TABLES = """
guard_stop
    vendor text(20) key, run_id text(250) required, as_of date required, causes text required,
    causes_hash text(64) required, documents_hash text(64) required, documents bytes required,
    stopped_at time required

guard_release
    run_id text(250) key, vendor text(20) key, stopped_run_id text(250) required, causes text required,
    causes_hash text(64) required, documents_hash text(64) required, reason text required,
    released_by text(256) required, released_at time required
"""


def upgrade() -> None:
    """Two new tables, empty; the counts come with the first run that is through."""
    op.add_column("unit_state", sa.Column("records", sa.Text()))
    create(op.get_bind(), TABLES)
