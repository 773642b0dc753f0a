"""The merge base belongs to the case of Profiles, not to the unit; each linked case keeps the one of its unit."""

from alembic import op

from etl.tables import create

revision = "0002"
down_revision = "0001"

TABLES = """
case_base
    vendor text(20) key, vendor_case_id text(120) key, base bytes required, run_id text(250) required,
    written_at time required
"""


def upgrade() -> None:
    """What units last wrote goes to the cases to which they are linked now."""
    create(op.get_bind(), TABLES)
    op.execute(
        "INSERT INTO case_base (vendor, vendor_case_id, base, run_id, written_at) "
        "SELECT link.vendor, link.vendor_case_id, sent.base, sent.run_id, sent.sent_at "
        "FROM link JOIN sent ON sent.vendor = link.vendor AND sent.unit_key = link.unit_key "
        "WHERE sent.part = 'case' AND sent.base IS NOT NULL AND link.vendor_case_id IS NOT NULL"
    )
