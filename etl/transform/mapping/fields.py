"""The field tables of both guides: which CRM value goes into which field of the vendors' documents.

A row of ``item_fields.csv`` or ``person_fields.csv`` has the API field, the value (a CRM column, or what a rule makes
of columns), and the source of the value: CRM table, column and rule.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

FieldTable: TypeAlias = tuple[tuple[str, str], ...]

# DEM-ADDRESS: the six fields of the API, which are the CRM's but for one name.
ADDRESS_FIELDS: FieldTable = (
    ("line1", "line1"),
    ("line2", "line2"),
    ("city", "city"),
    ("state", "state"),
    ("postalCode", "postal_code"),
    ("country", "country"),
)


@dataclass(frozen=True)
class Field:
    """One field of a document: its API name, its value, the CRM table and column (or columns), and the rule."""

    name: str
    value: str
    table: str
    column: str
    rule_id: str


@cache
def item_fields(item: str) -> tuple[Field, ...]:
    """The fields of an asset, annuity, holding, liability or policy of Profiles, or of an item of eMoney's feed.

    The items of eMoney are ``investment_item`` and ``policy_item``, without ``asOf``.
    """
    rows = (row for row in _rows("item_fields.csv") if row["item"] == item)
    return tuple(Field(row["field"], row["value"], row["table"], row["column"], row["rule"]) for row in rows)


@cache
def role_fields(role: str) -> tuple[Field, ...]:
    """DEM, the field matrix: the fields of one role, from its column of ``person_fields.csv``.

    Roles: ``clientA``, ``clientB`` and ``dependent`` of Profiles, ``client`` and ``spouse`` of eMoney. An empty cell is
    the guides' dash: a value that is never sent. A dot in a field opens an object.
    """
    rows = (row for row in _rows("person_fields.csv") if row[role])
    return tuple(Field(row[role], row["value"], row["table"], row["column"], row["rule"]) for row in rows)


def person_fields(role: str) -> FieldTable:
    """The fields of one role as *API field, value*."""
    return _pairs(role_fields(role))


def _pairs(fields: tuple[Field, ...]) -> FieldTable:
    return tuple((field.name, field.value) for field in fields)


@cache
def _rows(name: str) -> list[dict[str, str]]:
    table = files("etl.transform.mapping").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(table.splitlines()))


ASSET_FIELDS = _pairs(item_fields("asset"))
HOLDING_FIELDS = _pairs(item_fields("holding"))
LIABILITY_FIELDS = _pairs(item_fields("liability"))
POLICY_FIELDS = _pairs(item_fields("policy"))
INVESTMENT_ITEM_FIELDS = _pairs(item_fields("investment_item"))
POLICY_ITEM_FIELDS = _pairs(item_fields("policy_item"))
