"""Who triggered a run, pinned, confirmed or asked for a transfer, beside the user in whose name it was done."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = (
    ("run", "triggered_by"),
    ("pin", "triggered_by"),
    ("pin", "unpin_triggered_by"),
    ("life_event", "triggered_by"),
    ("transfer", "triggered_by"),
)


def upgrade() -> None:
    """Nobody noted it before: what is there keeps none."""
    for table, name in COLUMNS:
        op.add_column(table, sa.Column(name, sa.String(256)))
