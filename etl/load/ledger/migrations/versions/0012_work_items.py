"""Each record that breaks a rule is one work item; what stands open becomes items. The audit begins, empty."""

from datetime import UTC, datetime
from itertools import groupby

import sqlalchemy as sa
from alembic import op

from etl.tables import create

revision = "0012"
down_revision = "0011"

TABLES = """
work_item
    item_id serial key, unit_key text(40) required, rule_id text(60) required, entity text(40) required,
    entity_id text(80) required, severity text(20) required, vendors text(60) required, fields text,
    message text required, remedy text, state text(20) required, assigned_to text(256), waiting_for text(256),
    opened_run text(250) required, opened_at time required, closed_run text(250), closed_at time,
    times_opened int required,
    unique uq_work_item unit_key rule_id entity entity_id, index ix_work_item_state state rule_id,
    index ix_work_item_closed closed_at

work_item_event
    event_id serial key, item_id int required, kind text(20) required, at time required, run_id text(250),
    actor text(256), before text, after text, note text,
    index ix_work_item_event_item item_id, index ix_work_item_event_at at

work_unit
    unit_key text(40) key, household_name text required, head_name text required, office_id id,
    office_name text required, advisor text(256) required, names text required, contact_ids text required,
    seen_at time required,
    index ix_work_unit_office office_id

audit_entry
    entry_id int key, at time required, actor text(256) required, action text(60) required,
    subject text(300) required, before text, after text, reason text, previous_hash text(64) required,
    entry_hash text(64) required,
    index ix_audit_entry_subject subject
"""

ONLY_ADDED = {
    "sqlite": [
        f"CREATE TRIGGER audit_entry_{change.lower()} BEFORE {change} ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'audit entries are only added'); END"
        for change in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit entries are only added'; END $$",
        "CREATE TRIGGER audit_entry_change BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
    ],
}

# The worst finding of each item comes first: its words are the item's.
OPEN = """
SELECT o.unit_key, o.rule_id, COALESCE(o.entity, '') AS entity, COALESCE(o.entity_id, '') AS entity_id, o.severity,
o.vendor, o.field, o.message, o.remedy, o.first_run_id, COALESCE(r.finished_at, r.started_at) AS found_at
FROM open_finding o LEFT JOIN run r ON r.run_id = o.first_run_id
ORDER BY 1, 2, 3, 4, CASE o.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, o.vendor, o.finding_key
"""
KEY = ("unit_key", "rule_id", "entity", "entity_id")


def upgrade() -> None:
    """An item is as old as the oldest of its findings. Names of households come with the next run that reads them."""
    connection = op.get_bind()
    create(connection, TABLES)
    for statement in ONLY_ADDED[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    found_at = sa.column("found_at", sa.DateTime())
    names = (*KEY, "severity", "vendor", "field", "message", "remedy", "first_run_id")
    found = sa.text(OPEN).columns(*(sa.column(name) for name in names), found_at)
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = []
    for key, group in groupby(connection.execute(found).mappings(), lambda row: tuple(row[name] for name in KEY)):
        findings = list(group)
        first = min(findings, key=lambda one: one["found_at"] or now)
        row = {**dict(zip(KEY, key, strict=True)), "state": "new", "times_opened": 1}
        row |= {name: findings[0][name] for name in ("severity", "message", "remedy")}
        row["vendors"] = " ".join(sorted({one["vendor"] for one in findings}))
        row["fields"] = ", ".join(sorted({one["field"] for one in findings} - {None, ""})) or None
        row |= {"opened_run": first["first_run_id"], "opened_at": first["found_at"] or now}
        rows.append(row)
    if not rows:
        return
    columns = [sa.column(name, sa.DateTime() if name == "opened_at" else None) for name in rows[0]]
    connection.execute(sa.insert(sa.table("work_item", *columns)), rows)
    connection.execute(
        sa.text(
            "INSERT INTO work_item_event (item_id, kind, at, run_id, after) "
            "SELECT item_id, 'opened', opened_at, opened_run, state FROM work_item ORDER BY item_id"
        )
    )
