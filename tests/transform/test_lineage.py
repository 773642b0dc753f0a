"""Lineage names the very row and column that a document's value is in."""

from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from etl.transform import lineage
from tests.builders import AS_OF, Office
from tests.transform.reading import batch_of, document
from tests.transform.rich import rich_office

FRAMES = {
    "contact": ("contacts", "contact_id"),
    "contact_address": ("addresses", "address_id"),
    "contact_phone": ("phones", "phone_id"),
    "contact_email": ("emails", "email_id"),
    "investment_account": ("accounts", "account_id"),
    "liability": ("liabilities", "liability_id"),
    "policy": ("policies", "policy_id"),
}
# Figures are kept as whole numbers of the smallest unit.
SCALES = {"interest_rate": 6, "orig_interest_rate": 6, "balloon_period": 3, "orig_balloon_period": 3}


def traced(office: Office, vendor: str) -> lineage.Lineage:
    return lineage.trace(office.frames(), AS_OF, vendor)


def rows_of(office: Office, vendor: str, unit_key: str) -> list[dict[str, Any]]:
    sources = traced(office, vendor).sources
    return sources[sources["unit_key"] == unit_key].to_dict("records")


def value_in(document_: dict[str, Any], subject: str, name: str) -> Any:
    """The value of a field of a person or an item, wherever the item stands."""
    node: Any = document_.get(subject)
    if ":" in subject:
        lists = [value for value in document_.values() if isinstance(value, list)]
        items = [item for each in lists for item in each]
        node = next(one for one in items if subject in (one.get("externalSourceId"), one.get("sourceKey")))
    for part in name.split("."):
        node = node[part]
    return node


def cell(office: Office, row: dict[str, Any]) -> Any:
    frame, id_column = FRAMES[row["table"]]
    rows = office.frames()[frame]
    return rows.loc[rows[id_column] == row["key"], row["column"]].iloc[0]


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_named_cell_holds_the_value_that_goes(vendor: str) -> None:
    office, home = rich_office()
    content = document(batch_of(office, vendor), home.unit_key)
    content = content["document"] if vendor == "profiles" else content
    compared = 0
    for row in rows_of(office, vendor, home.unit_key):
        named = row["name"] == "*" or row["rule_id"] == "LIA-COMPUTED" or row["name"] in ("owner", "insured")
        if named or not row["column"] or row["rule_id"].startswith("ACC-CATEGORY") or row["column"] == "*":
            continue
        sent, there = value_in(content, row["subject"], row["name"]), cell(office, row)
        if sent is None:
            assert pd.isna(there) or not str(there).strip() or row["table"] == "contact_email"
        elif isinstance(sent, Decimal | int):
            assert Decimal(int(there)).scaleb(-SCALES.get(row["column"], 2)) == sent, row
        else:
            assert str(sent).startswith(str(there).strip()), row
        compared += 1
    assert compared > 5


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_named_address_is_the_one_that_goes(vendor: str) -> None:
    office, home = rich_office()
    content = document(batch_of(office, vendor), home.unit_key)
    content = content["document"] if vendor == "profiles" else content
    addresses = office.frames()["addresses"].set_index("address_id")
    rows = [row for row in rows_of(office, vendor, home.unit_key) if row["table"] == "contact_address"]
    assert rows
    for row in rows:
        sent = value_in(content, row["subject"], row["name"])
        assert (sent or {}).get("line1") == (str(addresses.loc[row["key"], "line1"]).strip() or None)


def test_a_figure_of_the_current_set_is_named_as_such_and_a_blank_one_as_computed() -> None:
    office = Office()
    home = office.couple()
    terms = {
        "orig_loan_amount": 100_000, "orig_interest_rate": 5, "orig_balloon_period": 30,
        "orig_loan_date": date(2020, 1, 1), "interest_rate": None, "loan_balance": None,
    }  # fmt: skip
    recorded = office.liability(home.head, **{**terms, "calculate": True, "loan_balance": 90_000, "interest_rate": 5})
    blank = office.liability(home.head, **{**terms, "calculate": True})
    original = office.liability(home.head, **{**terms, "calculate": False})
    found = {(row["subject"], row["name"]): row for row in rows_of(office, "profiles", home.unit_key)}
    assert found[(f"liability:{recorded}", "currentBalance")]["column"] == "loan_balance"
    assert found[(f"liability:{recorded}", "currentBalance")]["rule_id"] == "LIA-CALCULATE"
    assert found[(f"liability:{blank}", "currentBalance")]["column"] == lineage.TERMS
    assert found[(f"liability:{blank}", "currentBalance")]["rule_id"] == "LIA-COMPUTED"
    assert found[(f"liability:{blank}", "annualInterestRate")]["column"] == "orig_interest_rate"
    assert found[(f"liability:{original}", "currentBalance")]["column"] == "orig_loan_amount"


def test_the_receipts_are_those_of_the_build() -> None:
    office, _ = rich_office()
    for vendor in ("profiles", "emoney"):
        pd.testing.assert_frame_equal(traced(office, vendor).receipts, batch_of(office, vendor).receipts)


def test_a_unit_that_is_not_in_a_vendors_scope_has_no_lineage() -> None:
    office, home = rich_office()
    frames = office.frames()
    others = frames["units"]["unit_key"] != home.unit_key
    frames = {**frames, "units": frames["units"].assign(in_profiles=others)}
    found = lineage.trace(frames, AS_OF, "profiles")
    assert home.unit_key not in set(found.sources["unit_key"])
    assert home.unit_key not in set(found.receipts["unit_key"])


def test_an_office_without_units_has_no_lineage() -> None:
    frames = Office().frames()
    found = lineage.trace(frames, AS_OF, "profiles")
    assert found.sources.empty
    assert list(found.sources) == ["unit_key", "subject", "name", "table", "column", "key", "rule_id"]
