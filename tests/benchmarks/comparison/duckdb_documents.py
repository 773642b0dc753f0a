"""The same documents in SQL: DuckDB reads the Parquet files and writes one JSON text per household.

Figures are exact but for loans that have to be computed: those go through DOUBLE, good to the cent for real loans.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from etl.schema import NOT_FINITE

CATEGORIES = Path(__file__).parents[3] / "etl" / "account_categories.csv"
SQL = Path(__file__).with_name("documents.sql")
FRAMES = (
    "units", "members", "contacts", "addresses", "phones", "emails", "accounts", "positions", "liabilities", "policies",
)  # fmt: skip
# The spaces that `str.strip` knows and that occur in texts; DuckDB's own trim takes the plain space only.
SPACES = " \t\n\r\x0b\x0c" + "".join(
    map(chr, (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
)


def run(folder: Path, as_of: date) -> int:
    """Make every document of the shard in `folder`; gives how many."""
    return len(make_documents(folder, as_of))


def make_documents(folder: Path, as_of: date) -> dict[str, str]:
    """unit_key → JSON of every unit that has a head."""
    with duckdb.connect() as database:
        for name in FRAMES:
            database.read_parquet(str(folder / f"{name}.parquet")).create_view(name)
        database.read_csv(str(CATEGORIES), header=True, all_varchar=True).create_view("categories")
        database.execute("CREATE MACRO spaces() AS $spaces".replace("$spaces", _literal(SPACES)))
        database.execute(f"CREATE MACRO as_of() AS DATE '{as_of.isoformat()}'")
        database.execute(f"CREATE MACRO not_finite() AS ({NOT_FINITE})::BIGINT")
        return dict(database.execute(SQL.read_text(encoding="utf-8")).fetchall())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
