"""The lines of a feed without a result stand together in its own row; those that a ledger has are taken over."""

import json
import zlib
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"

_LINE = ("unit_key", "client_id", "items_hash", "source_keys", "withheld_keys")


def upgrade() -> None:
    """Of feeds with a result no line is kept."""
    op.add_column("feed", sa.Column("content", sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    feed, line = (sa.table(name, *map(sa.column, columns)) for name, columns in (
        ("feed", ("feed_id", "content")), ("feed_line", ("feed_id", *_LINE)),
    ))  # fmt: skip
    lines = defaultdict(list)
    for row in connection.execute(sa.select(line).order_by(line.c.feed_id, line.c.unit_key)).mappings():
        lines[row["feed_id"]].append([row[name] for name in _LINE])
    for feed_id, of_feed in lines.items():
        content = zlib.compress(json.dumps(of_feed).encode())
        connection.execute(sa.update(feed).where(feed.c.feed_id == feed_id).values(content=content))
    op.drop_table("feed_line")
