"""The ledger knows which notices people got by e-mail."""

from alembic import op

from etl.tables import create

revision = "0015"
down_revision = "0013"

TABLES = """
notice
    notice_id serial key, recipient text(256) required, about text(300) required, content text required,
    made_at time required, begun_at time, sent_at time,
    unique uq_notice recipient about
"""


def upgrade() -> None:
    """Nobody has got a notice yet."""
    create(op.get_bind(), TABLES)
