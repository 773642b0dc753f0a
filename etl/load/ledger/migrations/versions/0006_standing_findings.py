"""Findings name the run that found them first, feeds what is withheld; what waits to be linked stands open.

Until now EMY-NEW was reported once and forgotten: each one that was ever found for a linked unit is opened again, as of
the run that found it. The next nights close those that have been linked, or have left the CRM.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_KEY = ("vendor", "unit_key", "rule_id", "entity", "entity_id", "field")
_COLUMNS = ("vendor", "unit_key", "rule_id", "severity", "entity", "entity_id", "field", "message", "remedy")

# Whatever is waiting, by its first finding, where nothing of ours has linked it since.
_EVER_NEW = """
SELECT f.vendor, f.unit_key, f.rule_id, f.severity, f.entity, f.entity_id, f.field, f.message, f.remedy, f.run_id
FROM finding f
JOIN run r ON r.run_id = f.run_id AND NOT r.dry_run
JOIN link l ON l.vendor = f.vendor AND l.unit_key = f.unit_key
WHERE f.rule_id = 'EMY-NEW' AND f.status <> 'mended' AND NOT EXISTS (
    SELECT 1 FROM field_change c WHERE c.run_id = f.run_id AND c.vendor = f.vendor AND c.unit_key = f.unit_key
    AND c.field = 'items[' || f.entity || ':' || f.entity_id || ']' AND c.decision = 'linked'
)
ORDER BY f.finding_id
"""


def upgrade() -> None:
    op.add_column("finding", sa.Column("first_run_id", sa.String(length=250), nullable=True))
    op.add_column("feed_line", sa.Column("withheld_keys", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in connection.execute(sa.text(_EVER_NEW)).mappings():
        opened = {name: row[name] for name in _COLUMNS} | {"finding_key": _key(row), "first_run_id": row["run_id"]}
        rows.setdefault((row["vendor"], row["unit_key"], opened["finding_key"]), opened)
    names = [*_COLUMNS, "finding_key", "first_run_id"]
    table = sa.table("open_finding", *(sa.column(name) for name in names))
    there = {
        tuple(row) for row in connection.execute(sa.text("SELECT vendor, unit_key, finding_key FROM open_finding"))
    }
    if fresh := [row for key, row in rows.items() if key not in there]:
        connection.execute(sa.insert(table), fresh)


def _key(row: Mapping[Any, Any]) -> str:
    return hashlib.sha256("\x1f".join(str(row[name]) for name in _KEY).encode()).hexdigest()
