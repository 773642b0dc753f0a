"""Outcomes name the rules that decided them in a column of their own, beside the reason for people.

Until now code read them off the first words of the reason; those of earlier runs are read so once more.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

# ``LIC-EMONEY: jane lacks …``, ``POL-TYPE,LIA-NAME``.
_RULES = re.compile(r"([A-Z0-9]+(?:-[A-Z0-9]+)+(?:, ?[A-Z0-9]+(?:-[A-Z0-9]+)+)*)(?:[:;]|$)")
_CHOICES = {
    "somebody has to choose from the Search list": "unchosen",
    "nobody answered which record": "unanswered",
}
_AT_ONCE = 10_000


def upgrade() -> None:
    """The column, filled for the outcomes that have a reason."""
    op.add_column("outcome", sa.Column("code", sa.Text(), nullable=True))
    connection = op.get_bind()
    names = ("run_id", "vendor", "unit_key")
    outcome = sa.table("outcome", *(sa.column(name) for name in (*names, "reason", "code")))
    with_reason = sa.select(*(outcome.c[name] for name in (*names, "reason"))).where(outcome.c.reason.is_not(None))
    rows = [
        {**{f"a_{name}": row[name] for name in names}, "a_code": code}
        for row in connection.execute(with_reason).mappings()
        if (code := _code_of(row["reason"])) is not None
    ]
    mine = sa.update(outcome).where(*(outcome.c[name] == sa.bindparam(f"a_{name}") for name in names))
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(mine.values(code=sa.bindparam("a_code")), rows[start : start + _AT_ONCE])


def _code_of(reason: str) -> str | None:
    chosen = next((code for words, code in _CHOICES.items() if reason.startswith(words)), None)
    found = _RULES.match(reason)
    return chosen or (found[1] if found else None)
