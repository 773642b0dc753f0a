"""Random offices for transfers: few contacts, and much between them, so that every rule meets both of its sides."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from etl.schema import metadata
from tests.reference.transfers import Office, Row, Tables

NOW = datetime(2026, 1, 5, 12, 0)
SOURCE, TARGET, ELSEWHERE = 1, 2, 3
# How many rows of each table; the contacts are apart.
SIZES = {
    "contact_address": 6, "contact_phone": 6, "contact_email": 6, "household": 5, "household_member": 14,
    "key_relation": 6, "carrier": 3, "product": 4, "policy": 8, "policy_beneficiary": 8, "policy_contact": 8,
    "pending_case": 6, "pending_case_contact": 8,
    "investment_account": 6, "investment_position": 8, "investment_account_contact": 8,
    "liability": 6, "commission": 5, "smartpad_note": 5, "activity": 5, "letter": 12, "employee_census": 8, "lead": 3,
    "referred_contact": 4, "event_invitation": 3, "presale_activity": 3, "contact_set": 2, "contact_set_member": 8,
    "custom_field_value": 8, "asset_allocation": 4, "account_performance": 4,
}  # fmt: skip
LABELS = {
    "relation_type": ("Family", "Family", "Business", " family "),
    "relation": ("Wife", "Husband", "Domestic Partner", "Son", "Ex-Wife", None),
    "role": ("Wife", "Son", None),
    "kind": ("Letter", "Letter", "E-mail", "Document", " letter"),
    "list_name": ("Important Contact", "Policy Advisor"),
    "record_type": ("Contact", "Contact", "Business"),
    "subsystem_type": ("Contact", "Contact", "Business", "Advisor"),
}


def random_office(seed: int) -> Office:
    """An office with its rows, and a random set of its contacts."""
    dice = random.Random(seed)
    tables: Tables = {name: [] for name in metadata.tables}
    for number, name in ((SOURCE, "Harbor"), (TARGET, "Hill"), (ELSEWHERE, "Valley")):
        tables["office"].append({"office_id": number, "name": name, "parent_office_id": None, "status": "Active"})
    tables["crm_user"].append(
        {"user_id": 1, "office_id": SOURCE, "user_name": "agnes", "full_name": None, "status": "Enabled"}
    )
    for number in range(1, 25):
        _add_contact(dice, tables, number)
    for table in metadata.sorted_tables:
        for _ in range(SIZES.get(table.name, 0)):
            _add(dice, tables, table)
    _add_couple(dice, tables)
    people = [row["contact_id"] for row in tables["contact"]]
    share = dice.choice((0.3, 0.6, 0.95))
    chosen = frozenset(number for number in people if dice.random() < share)
    left_out = frozenset(number for number in chosen if dice.random() < 0.05)
    return Office(tables, chosen, SOURCE, TARGET, left_out)


def write(office: Office, url: str) -> None:
    """Fill a new database with the office."""
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if office.tables[table.name]:
                connection.execute(table.insert(), office.tables[table.name])
    engine.dispose()


def _add_contact(dice: random.Random, tables: Tables, number: int) -> None:
    twins = dice.randrange(6)
    row = _blank("contact") | {
        "contact_id": number,
        "office_id": dice.choice((SOURCE,) * 6 + (TARGET,) * 3 + (ELSEWHERE,)),
        "record_type": dice.choice(LABELS["record_type"]),
        "subsystem_type": dice.choice(LABELS["subsystem_type"]),
        "first_name": dice.choice(("Ann", "ANN ", "Bo", None)),
        "last_name": f"Harbor {twins}" if dice.random() < 0.8 else f"harbor {twins}",
        "birth_date": dice.choice((date(1970, 5, 1), date(1971, 5, 1), None)),
        "tax_id": dice.choice((None, None, "", f"900-00-000{dice.randrange(5)}", f" 900-00-000{dice.randrange(5)}")),
        "primary_advisor_id": None,
        "deleted_at": NOW if dice.random() < 0.08 else None,
        "modified_at": NOW,
    }
    tables["contact"].append(row)


def _add_couple(dice: random.Random, tables: Tables) -> None:
    """A household whose head and spouse nobody else is tied to: the only kind that is easily rebuilt."""
    for number in (31, 32, 33):
        _add_contact(dice, tables, number)
        tables["contact"][-1] |= {"office_id": SOURCE, "deleted_at": None}
    role = dice.choice(("Wife", "Spouse", "Ex-Wife"))
    household = {"household_id": 31, "office_id": SOURCE, "name": "Harbor", "head_contact_id": 31, "modified_at": NOW}
    relation = {"relation_id": 31, "contact_id": 31, "related_contact_id": 32, "relation_type": "Family"}
    tables["household"].append(_blank("household") | household)
    tables["key_relation"].append(relation | {"relation": role, "modified_at": NOW})
    for number in (31, 32, 33):
        member = {"household_id": 31, "contact_id": number, "role": None, "is_primary": True, "modified_at": NOW}
        tables["household_member"].append(member)


def _add(dice: random.Random, tables: Tables, table: sa.Table) -> None:
    row = _blank(table.name)
    for column in table.columns:
        row[column.name] = _value(dice, tables, table, column)
    if table.name == "custom_field_value":
        row |= {
            "entity": dice.choice(("contact", "policy", "account")),
            "field_name": f"field {len(tables[table.name])}",
        }
    keys = [column.name for column in table.primary_key.columns]
    if any(all(other[name] == row[name] for name in keys) for other in tables[table.name]):
        return
    tables[table.name].append(row)


def _value(dice: random.Random, tables: Tables, table: sa.Table, column: sa.Column[Any]) -> Any:
    references = [key.column for key in column.foreign_keys]
    if references:
        rows = tables[references[0].table.name]
        if not rows or (column.nullable and dice.random() < 0.2):
            return None
        return dice.choice(rows)[references[0].name]
    if column.primary_key and len(table.primary_key.columns) == 1:
        return len(tables[table.name]) + 1
    if column.name == "deleted_at":
        return NOW if dice.random() < 0.12 else None
    if column.name in LABELS:
        return dice.choice(LABELS[column.name])
    return _any_value(dice, column)


def _any_value(dice: random.Random, column: sa.Column[Any]) -> Any:
    if isinstance(column.type, sa.Boolean):
        return dice.choice((True, True, False, None))
    if isinstance(column.type, sa.Numeric):
        return Decimal(dice.randrange(10_000)) / 100
    if isinstance(column.type, sa.DateTime):
        return NOW
    if isinstance(column.type, sa.Date):
        return date(2020, 1, 1 + dice.randrange(28))
    if isinstance(column.type, sa.Integer):
        return 1 + dice.randrange(8)
    return f"{column.name} {dice.randrange(5)}"


def _blank(table: str) -> Row:
    return {column.name: None for column in metadata.tables[table].columns}
