"""What stewards decide: waivers, the right side of a field; the forecast of a night; the causes of a stopped run."""

import sqlalchemy as sa
from alembic import op

from etl.tables import create

revision = "0013"
down_revision = "0012"

TABLES = """
waiver
    waiver_id serial key, unit_key text(40) required, rule_id text(60) required, entity text(40) required,
    entity_id text(80) required, reason text required, from_day date required, until_day date required,
    asked_by text(256) required, asked_at time required, approved_by text(256), approved_at time,
    ended_by text(256), ended_at time, ended_why text,
    index ix_waiver_unit unit_key rule_id, index ix_waiver_until until_day

field_decision
    decision_id serial key, unit_key text(40) required, field text(200) required,
    vendor_case_id text(120) required, side text(20) required, theirs_hash text(64) required,
    ours_hash text(64) required, reason text required, decided_by text(256) required, decided_at time required,
    carried_run text(250), carried_at time, ending text(20), ended_run text(250), ended_at time,
    index ix_field_decision_unit unit_key ended_at

forecast
    run_id text(250) key, as_of date required, made_at time required, counts text required

forecast_unit
    vendor text(20) key, unit_key text(40) key, outcome text(20) required, reason text, code text,
    household_name text required, head_name text required, office_id id, office_name text required,
    advisor text required,
    index ix_forecast_unit_office office_id
"""


def upgrade() -> None:
    """New tables, empty. No finding was waived so far, and what waits now is shown by its words alone."""
    op.add_column("finding", sa.Column("waiver_id", sa.Integer(), nullable=True))
    op.add_column("guard_stop", sa.Column("details", sa.Text(), nullable=True))
    create(op.get_bind(), TABLES)
