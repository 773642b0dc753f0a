"""A demo office read whole into memory, as plain rows."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, create_engine, select

from etl.schema import metadata

Row = dict[str, Any]

SPOUSE_WORDS = {"husband", "wife", "spouse", "domestic partner"}


def word(value: str | None) -> str:
    return (value or "").strip().casefold()


class Crm:
    """All rows of a demo office in memory."""

    def __init__(self, engine: Engine) -> None:
        with engine.connect() as connection:
            self.rows: dict[str, list[Row]] = {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in metadata.sorted_tables
            }
        self.contacts = {row["contact_id"]: row for row in self.rows["contact"]}
        self.products = {row["product_id"]: row for row in self.rows["product"]}
        self.members = self.by("household_member", "household_id")
        self.positions = self.by("investment_position", "account_id")
        self.emails = self.by("contact_email", "contact_id")
        self.phones = self.by("contact_phone", "contact_id")
        self.addresses = self.by("contact_address", "contact_id")
        self.owned = {
            name: self.by(name, "primary_contact_id") for name in ("investment_account", "liability", "policy")
        }
        self.spouses: dict[int, set[int]] = defaultdict(set)  # by key relation, from either side
        for row in self.rows["key_relation"]:
            if row["relation_type"] == "Family" and word(row["relation"]) in SPOUSE_WORDS:
                self.spouses[row["contact_id"]].add(row["related_contact_id"])
                self.spouses[row["related_contact_id"]].add(row["contact_id"])

    def by(self, table: str, column: str) -> dict[Any, list[Row]]:
        grouped: dict[Any, list[Row]] = defaultdict(list)
        for row in self.rows[table]:
            if row.get("deleted_at") is None:
                grouped[row[column]].append(row)
        return grouped

    def units(self) -> Iterator[tuple[str, Row | None, int | None]]:
        """Unit key, household, client's contact id."""
        for household in self.rows["household"]:
            if household["deleted_at"] is None:
                yield f"H{household['household_id']}", household, household["head_contact_id"]
        inside = {row["contact_id"] for row in self.rows["household_member"]}
        for row in self.rows["contact"]:
            kind = (row["record_type"], row["subsystem_type"], row["contact_type"])
            if (
                kind == ("Contact", "Contact", "Client")
                and row["deleted_at"] is None
                and row["contact_id"] not in inside
            ):
                yield f"C{row['contact_id']}", None, row["contact_id"]


def read(url: str) -> Crm:
    """All rows of the office in the database at `url`."""
    engine = create_engine(url)
    try:
        return Crm(engine)
    finally:
        engine.dispose()
