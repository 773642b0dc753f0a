"""Calls under an API key are counted in the ledger, where machines share it."""

from alembic import op

from etl.tables import create

revision = "0016"
down_revision = "0015"

TABLES = """
vendor_call
    call_id serial key, limiter text(64) required, over_at float required, ended_at float,
    index ix_vendor_call_limiter limiter

vendor_waiter
    ticket serial key, limiter text(64) required, wanted int required, seen_at float required,
    index ix_vendor_waiter_limiter limiter
"""


def upgrade() -> None:
    """Nobody waits yet."""
    create(op.get_bind(), TABLES)
