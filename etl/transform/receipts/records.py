"""Receipts for what people own: accounts and positions, liabilities, policies and beneficiaries."""

import numpy as np
import pandas as pd

from etl.schema import NOT_FINITE
from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    Objects,
    blank_texts,
    flags,
    integers,
    is_none,
    join,
    nulls,
    trimmed,
)
from etl.transform.mapping.columns import sent_columns
from etl.transform.portfolio import Portfolio
from etl.transform.receipts.book import BENEFICIARY, WHOLE_RECORD, ReceiptBook
from etl.transform.rules.accounts import positions_of
from etl.transform.rules.liabilities import CURRENT_SET, NAME_COLUMNS, ORIGINATING_SET
from etl.transform.rules.policies import eliminations, is_one_of_kinds, policy_names
from etl.values import ELIMINATION_KINDS, Vendor


def _keys(records: pd.DataFrame, id_column: str) -> tuple[Ints, Ints]:
    return integers(records["unit_no"]), integers(records[id_column])


def _has(column: "pd.Series[int]") -> Flags:
    has_value: Flags = integers(column) != NULL
    return has_value


def add_accounts(book: ReceiptBook, portfolio: Portfolio, vendor: Vendor) -> None:
    """ACC-SCOPE-*, ACC-CATEGORY, ACC-MONEY, DEM-TEXT: accounts and positions."""
    book.add_records("account", *_keys(portfolio.accounts, "account_id"), portfolio.accounts["rule_id"])
    sent = portfolio.sent_accounts
    keys = _keys(sent, "account_id")
    book.add("account", "account_name", "DEM-TEXT", *keys, blank_texts(sent["account_name"]))
    for column in ("account_value", "loan_balance", "net_value"):
        if column in sent_columns("investment_account", vendor):
            book.add("account", column, "ACC-MONEY", *keys, integers(sent[column]) == NOT_FINITE)
    if vendor == "profiles":
        _add_categories(book, sent, portfolio.categories[1], keys)
        _add_positions(book, portfolio)


def _add_categories(book: ReceiptBook, accounts: pd.DataFrame, source: Objects, keys: tuple[Ints, Ints]) -> None:
    """A selection goes where the category comes from it."""
    for column in ("account_type", "how_held"):
        is_blank = blank_texts(accounts[column])
        is_idle = accounts[column].notna().to_numpy() & ~is_blank & (source != column)
        book.add("account", column, "DEM-TEXT", *keys, is_blank)
        book.add("account", column, "ACC-CATEGORY-UNKNOWN", *keys, is_idle & (source == "unknown"))
        book.add("account", column, "ACC-CATEGORY", *keys, is_idle & (source != "unknown"))


def _add_positions(book: ReceiptBook, portfolio: Portfolio) -> None:
    """The positions of an account that does not go do not go either, by the same rule."""
    left = portfolio.accounts[portfolio.accounts["rule_id"].notna().to_numpy()]
    ids = portfolio.frames["positions"][["position_id", "account_id"]]
    held = positions_of(left, ids)
    rule_id = left["rule_id"].take(integers(held["account_at"]))
    book.add_records("position", *_keys(held, "position_id"), rule_id)
    sent = portfolio.sent_positions
    keys = _keys(sent, "position_id")
    for column in ("symbol", "product_name"):
        book.add("position", column, "DEM-TEXT", *keys, blank_texts(sent[column]))
    book.add("position", "market_value", "ACC-MONEY", *keys, integers(sent["market_value"]) == NOT_FINITE)


def add_liabilities(book: ReceiptBook, portfolio: Portfolio) -> None:
    """LIA-SCOPE, LIA-NAME, LIA-CALCULATE, ACC-MONEY, DEM-TEXT: liabilities of Profiles."""
    book.add_records("liability", *_keys(portfolio.liabilities, "liability_id"), portfolio.liabilities["rule_id"])
    sent = portfolio.sent_liabilities
    keys = _keys(sent, "liability_id")
    is_named = np.zeros(len(sent), dtype=np.bool_)
    for column in NAME_COLUMNS:
        is_blank = blank_texts(sent[column])
        has_text = sent[column].notna().to_numpy() & ~is_blank
        book.add("liability", column, "DEM-TEXT", *keys, is_blank)
        book.add("liability", column, "LIA-NAME", *keys, has_text & is_named)
        is_named |= has_text
    book.add("liability", "payment_method", "DEM-TEXT", *keys, blank_texts(sent["payment_method"]))
    _add_figures(book, sent, keys)


def _add_figures(book: ReceiptBook, sent: pd.DataFrame, keys: tuple[Ints, Ints]) -> None:
    """The set that was not chosen stays; an originating rate or payment goes where it stands in for a blank one."""
    calculate = flags(sent["calculate"])
    stands_in = {"orig_interest_rate": "interest_rate", "orig_monthly_payment": "monthly_payment"}
    for column in (*CURRENT_SET, *ORIGINATING_SET):
        goes = calculate if column in CURRENT_SET else ~calculate
        if column in stands_in:
            goes = goes | ~_has(sent[stands_in[column]])
        book.add("liability", column, "LIA-CALCULATE", *keys, _has(sent[column]) & ~goes)
        book.add("liability", column, "ACC-MONEY", *keys, (integers(sent[column]) == NOT_FINITE) & goes)


def add_policies(book: ReceiptBook, portfolio: Portfolio, frames: Frames, vendor: Vendor) -> None:
    """POL-*, ACC-FIXED-ANNUITY, ACC-MONEY, DEM-TEXT: policies and beneficiaries."""
    book.add_records("policy", *_keys(portfolio.policies, "policy_id"), portfolio.policies["rule_id"])
    sent = portfolio.sent_policies
    if vendor == "profiles":
        has_kind = sent["kind"].notna().to_numpy()
        book.add("policy", WHOLE_RECORD, "POL-NAME-MISSING", *_keys(sent, "policy_id"), ~has_kind)
        _add_beneficiaries(book, portfolio, frames)
        _add_insurance(book, portfolio.insurance)
        _add_annuities(book, portfolio.annuities)
        sent = sent[has_kind]
    else:
        keys = _keys(sent, "policy_id")
        book.add("policy", "policy_number", "DEM-TEXT", *keys, blank_texts(sent["policy_number"]))
        book.add(
            "policy", "total_death_benefit", "ACC-MONEY", *keys, integers(sent["total_death_benefit"]) == NOT_FINITE
        )
    _add_names(book, sent)


def _add_names(book: ReceiptBook, sent: pd.DataFrame) -> None:
    """POL-NAME-MISSING: half a name does not go."""
    is_nameless = nulls(policy_names(sent))
    for column in ("carrier_name", "plan_name"):
        is_blank = blank_texts(sent[column])
        has_text = ~nulls(trimmed(sent[column]))
        book.add("policy", column, "DEM-TEXT", *_keys(sent, "policy_id"), is_blank)
        book.add("policy", column, "POL-NAME-MISSING", *_keys(sent, "policy_id"), has_text & is_nameless)


def _add_insurance(book: ReceiptBook, insurance: pd.DataFrame) -> None:
    keys = _keys(insurance, "policy_id")
    has_annual = _has(insurance["annual_premium"])
    book.add("policy", "annualized_premium", "POL-PREMIUM", *keys, _has(insurance["annualized_premium"]) & has_annual)
    for column, goes in (
        ("annual_premium", has_annual),
        ("annualized_premium", ~has_annual),
        ("basic_face_amount", True),
    ):
        book.add("policy", column, "ACC-MONEY", *keys, (integers(insurance[column]) == NOT_FINITE) & goes)
    book.add("policy", "gross_cash_value", "ACC-FIXED-ANNUITY", *keys, _has(insurance["gross_cash_value"]))
    text, is_blank = insurance["elimination_period"], blank_texts(insurance["elimination_period"])
    has_text, is_read = text.notna().to_numpy() & ~is_blank, ~is_none(eliminations(text))
    applies = is_one_of_kinds(insurance["kind"].to_numpy(), ELIMINATION_KINDS)
    book.add("policy", "elimination_period", "DEM-TEXT", *keys, is_blank)
    book.add("policy", "elimination_period", "POL-ELIMINATION", *keys, has_text & ~applies)
    book.add("policy", "elimination_period", "POL-ELIMINATION-TEXT", *keys, has_text & applies & ~is_read)


def _add_annuities(book: ReceiptBook, annuities: pd.DataFrame) -> None:
    """ACC-FIXED-ANNUITY: of an annuity only its name and gross cash value go."""
    keys = _keys(annuities, "policy_id")
    for column in ("annual_premium", "annualized_premium", "basic_face_amount", "elimination_period"):
        book.add("policy", column, "ACC-FIXED-ANNUITY", *keys, annuities[column].notna().to_numpy())
    book.add("policy", "gross_cash_value", "ACC-MONEY", *keys, integers(annuities["gross_cash_value"]) == NOT_FINITE)


def _add_beneficiaries(book: ReceiptBook, portfolio: Portfolio, frames: Frames) -> None:
    """POL-BENEFICIARY: who is nobody of the unit; an annuity goes without beneficiaries."""
    others = portfolio.beneficiaries[portfolio.beneficiaries["name"].isna().to_numpy()]
    everyone = np.ones(len(others), dtype=np.bool_)
    of = integers(others["contact_id"])
    book.add("policy", BENEFICIARY, "POL-BENEFICIARY", *_keys(others, "policy_id"), everyone, of)
    annuities, entries = portfolio.annuities, frames["beneficiaries"]
    contact_id = integers(entries["contact_id"])
    annuity_at, entry_at = join(integers(annuities["policy_id"]), integers(entries["policy_id"]), contact_id)
    of_annuities = annuities.take(annuity_at)
    everyone = np.ones(len(of_annuities), dtype=np.bool_)
    keys = _keys(of_annuities, "policy_id")
    book.add("policy", BENEFICIARY, "ACC-FIXED-ANNUITY", *keys, everyone, contact_id[entry_at])
