"""Who is who: people told apart, contacts that were merged, links made and ended by hand."""

from alembic import op

from etl.tables import create

revision = "0007"
down_revision = "0006"

TABLES = """
distinct_people
    contact_id id key, other_contact_id id key, reason text required, decided_by text(256), triggered_by text(256),
    decided_at time required, run_id text(250) required

contact_merge
    merged_contact_id id key, contact_id id required, matched_by text(40) required, known_as text(80),
    followed_at time required, run_id text(250) required

link_change
    link_change_id serial key, vendor text(20) required, unit_key text(40) required, change text(20) required,
    vendor_client_id text(120) required, vendor_case_id text(120), reason text required, changed_by text(256),
    triggered_by text(256), changed_at time required, run_id text(250) required,
    index ix_link_change_unit vendor unit_key
"""


def upgrade() -> None:
    """Three new tables."""
    create(op.get_bind(), TABLES)
