"""What a transfer between offices does with each row: the rules XFR-*, one row at a time, slow and obvious.

Written from the rule book alone. Rows are dicts as they stand in the CRM; a record is named by its table and its key,
the parts of a composite one joined by ``:``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from etl.schema import metadata

Row = dict[str, Any]
Tables = dict[str, list[Row]]

SPOUSE_WORDS = {"husband", "wife", "spouse", "domestic partner"}
NEVER = (
    "contact_set_member", "lead", "referred_contact", "event_invitation", "presale_activity", "custom_field_value",
    "asset_allocation", "account_performance", "commission",
)  # fmt: skip
RECORDS = ("policy", "pending_case", "investment_account", "liability")
PARENTS = (("policy", "policy_id"), ("pending_case", "pending_case_id"), ("investment_account", "account_id"))
LISTS = {
    "policy_beneficiary": ("policy", "policy_id"),
    "policy_contact": ("policy", "policy_id"),
    "pending_case_contact": ("pending_case", "pending_case_id"),
    "investment_account_contact": ("investment_account", "account_id"),
}


def key_of(table: str, row: Row) -> str:
    """The row's key as text."""
    return ":".join(str(row[column.name]) for column in metadata.tables[table].primary_key.columns)


def words(text: Any) -> str:
    """A label or name for comparing: trimmed, any case."""
    return str(text or "").strip().casefold()


@dataclass(frozen=True)
class Office:
    """A CRM with a source office, a target office in it, and the contacts that shall move."""

    tables: Tables
    chosen: frozenset[int]
    source: int
    target: int
    left_out: frozenset[int] = field(default_factory=frozenset)

    @cached_property
    def contacts(self) -> dict[int, Row]:
        return {row["contact_id"]: row for row in self.tables["contact"]}

    @cached_property
    def moving(self) -> set[int]:
        """XFR-SET: those chosen who are the source office's, not deleted and not left out."""
        return {
            number
            for number in self.chosen - self.left_out
            if number in self.contacts
            and self.contacts[number]["office_id"] == self.source
            and self.contacts[number]["deleted_at"] is None
        }

    def is_present(self, number: int | None) -> bool:
        """XFR-PRESENT: one contact of the target has the tax id; else one has names and birth date; two are none."""
        return number is not None and len(self._matches(self.contacts[number])) == 1

    def _matches(self, person: Row) -> list[int]:
        there = [row for row in self.tables["contact"] if row["office_id"] == self.target and row["deleted_at"] is None]
        if words(person["tax_id"]):
            same = [row["contact_id"] for row in there if (row["tax_id"] or "").strip() == person["tax_id"].strip()]
            if same:
                return same
        name = (words(person["first_name"]), words(person["last_name"]), person["birth_date"])
        if not all(name):
            return []
        return [
            row["contact_id"]
            for row in there
            if (words(row["first_name"]), words(row["last_name"]), row["birth_date"]) == name
        ]

    def relations_of(self, number: int) -> list[Row]:
        """All key relations that name a contact, but those to somebody who is deleted: nobody can move them."""
        found = [row for row in self.tables["key_relation"] if number in (row["contact_id"], row["related_contact_id"])]
        return [row for row in found if not self._names_a_deleted(row)]

    def _names_a_deleted(self, relation: Row) -> bool:
        ends = (relation["contact_id"], relation["related_contact_id"])
        return any(self.contacts[end]["deleted_at"] is not None for end in ends)

    def all_come_along(self, number: int) -> bool:
        """XFR-RELATIONS at one end: everybody whom the contact's relations name is in the batch."""
        named = {end for row in self.relations_of(number) for end in (row["contact_id"], row["related_contact_id"])}
        return named <= self.moving

    def relation_moves(self, relation: Row) -> bool:
        """XFR-RELATIONS at both ends."""
        ends = (relation["contact_id"], relation["related_contact_id"])
        in_batch = all(end in self.moving for end in ends)
        return in_batch and not self._names_a_deleted(relation) and all(self.all_come_along(end) for end in ends)

    def record_moves(self, table: str, row: Row) -> bool:
        """XFR-PRIMARY; XFR-COMMISSION for pending cases."""
        if row["deleted_at"] is not None or row["primary_contact_id"] not in self.moving:
            return False
        if table == "pending_case":
            paid = {one["pending_case_id"] for one in self.tables["commission"]}
            return row["pending_case_id"] not in paid
        return True

    def household_is_rebuilt(self, household: Row) -> bool:
        """XFR-HOUSEHOLD: the head and a spouse of his move, and so does the relation between them."""
        head = household["head_contact_id"]
        if household["deleted_at"] is not None or head not in self.moving:
            return False
        return any(
            words(row["relation_type"]) == "family"
            and words(row["relation"]) in SPOUSE_WORDS
            and self.relation_moves(row)
            for row in self.relations_of(head)
        )

    def entry_moves(self, table: str, row: Row) -> bool:
        """XFR-PARTIES for beneficiaries, XFR-*-LISTS: who is known there; of entries for one person there the first."""
        parent, key = LISTS[table]
        if not self.record_moves(parent, self._find(parent, row[key])) or not self._is_known(table, row["contact_id"]):
            return False
        return not any(
            other["contact_id"] < row["contact_id"]
            and other[key] == row[key]
            and other.get("list_name") == row.get("list_name")
            and self._is_known(table, other["contact_id"])
            and self._person_there(table, other["contact_id"]) == self._person_there(table, row["contact_id"])
            for other in self.tables[table]
        )

    def _is_known(self, table: str, number: int) -> bool:
        return (table == "policy_beneficiary" and number in self.moving) or self.is_present(number)

    def _person_there(self, table: str, number: int) -> tuple[str, int]:
        if table == "policy_beneficiary" and number in self.moving:
            return "moves", number
        return "is there", self._matches(self.contacts[number])[0]

    def moves(self, table: str, row: Row) -> bool:
        """Whether a row comes to be in the target."""
        if table in NEVER:
            return False
        if table in RECORDS:
            return self.record_moves(table, row)
        if table in LISTS:
            return self.entry_moves(table, row)
        by_table: dict[str, Callable[[Row], bool]] = {
            "letter": lambda row: words(row["kind"]) == "letter" and bool(row["sent_to_contact"]) and self._goes(row),
            "investment_position": lambda row: self._its_account_moves(row),
            "key_relation": self.relation_moves,
            "employee_census": lambda row: (
                row["business_contact_id"] in self.moving and self.is_present(row["employee_contact_id"])
            ),
            "household": self.household_is_rebuilt,
            "household_member": lambda row: self._goes(row) and self._its_household_is_rebuilt(row),
        }
        return by_table.get(table, self._goes)(row)

    def _goes(self, row: Row) -> bool:
        return row["contact_id"] in self.moving

    def _its_account_moves(self, row: Row) -> bool:
        return self.record_moves("investment_account", self._find("investment_account", row["account_id"]))

    def _its_household_is_rebuilt(self, row: Row) -> bool:
        return self.household_is_rebuilt(self._find("household", row["household_id"]))

    def _find(self, table: str, key: int) -> Row:
        return next(row for row in self.tables[table] if key_of(table, row) == str(key))

    def touches(self, table: str, row: Row) -> bool:
        """Whether the row names a chosen contact, itself or through a record of which one is the primary contact."""
        columns = [
            column.name
            for column in metadata.tables[table].columns
            if any(key.column.table.name == "contact" for key in column.foreign_keys)
        ]
        if table == "contact":
            columns = ["contact_id"]
        if any(row[name] in self.chosen for name in columns):
            return True
        for parent, key in PARENTS:
            if table != parent and row.get(key) is not None and key in row:
                return bool(self._find(parent, row[key])["primary_contact_id"] in self.chosen)
        return False


def decide(office: Office) -> dict[tuple[str, str], bool]:
    """(table, key) -> whether it moves, for every row that touches the set; carriers and products apart."""
    tables: Iterable[str] = (name for name in office.tables if name in metadata.tables)
    apart = ("office", "crm_user", "user_right", "carrier", "product", "contact_set", "custom_field_value")
    return {
        (table, key_of(table, row)): office.moves(table, row)
        for table in tables
        if table not in apart
        for row in office.tables[table]
        if office.touches(table, row)
    }
