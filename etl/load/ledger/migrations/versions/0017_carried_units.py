"""What the verdict on a unit rests on is kept with it, and the feed's line with what was last sent."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Of no unit is known what its verdict rests on: the next night takes them all."""
    op.add_column("unit_state", sa.Column("basis", sa.BigInteger(), nullable=True))
    op.add_column("unit_state", sa.Column("standing", sa.BigInteger(), nullable=True))
    op.add_column("unit_state", sa.Column("receipts", sa.Text(), nullable=True))
    op.add_column("sent", sa.Column("line", sa.LargeBinary(), nullable=True))
