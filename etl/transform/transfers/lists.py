"""Rows that name a second contact: beneficiaries (XFR-PARTIES), advisor and relationship lists, employee censuses.

XFR-POLICY-LISTS, XFR-CASE-LISTS, XFR-ACCOUNT-LISTS, XFR-CENSUS: an entry moves only if its contact was in the target
before. A beneficiary may also move along.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.transform.transfers.decisions import Decisions, Ids, worded

# table, parent's table, its key, the rule, what the parent is called
_LISTS = (
    ("policy_beneficiary", "policy", "policy_id", "XFR-PARTIES", "its policy"),
    ("policy_contact", "policy", "policy_id", "XFR-POLICY-LISTS", "its policy"),
    ("pending_case_contact", "pending_case", "pending_case_id", "XFR-CASE-LISTS", "its pending case"),
    ("investment_account_contact", "investment_account", "account_id", "XFR-ACCOUNT-LISTS", "its investment account"),
)


def decide_lists(
    rows: Mapping[str, pd.DataFrame], records: Mapping[str, Decisions], moving: Ids, present: pd.DataFrame
) -> list[Decisions]:
    """The decisions on beneficiaries and list entries of policies, cases and accounts."""
    decided = []
    for entity, parent, key, rule_id, called in _LISTS:
        decisions = Decisions.all_move(entity, rows[entity], rule_id, "its contact is in the target")
        decided.append(decisions)
        if rows[entity].empty:
            continue
        stranger = ("XFR-PRIMARY", f"{called} has no primary contact in the set")
        decisions.follow(records[parent], key, called, stranger)
        may_be_new = moving if entity == "policy_beneficiary" else moving.iloc[:0]
        _keep_known(decisions, "contact_id", may_be_new, present, rule_id)
        _keep_one_of_each(decisions, may_be_new, present, rule_id)
    return decided


def decide_censuses(censuses: pd.DataFrame, contacts: Decisions, present: pd.DataFrame) -> Decisions:
    """XFR-CENSUS: a census moves with its business, and only if the employee was in the target before."""
    rule_id = "XFR-CENSUS"
    decisions = Decisions.all_move("employee_census", censuses, rule_id, "its employee is in the target")
    decisions.follow(contacts, "business_contact_id", "its business", (rule_id, "its business is not in the set"))
    decisions.stay(censuses["employee_contact_id"].isna(), rule_id, "it names no contact")
    _keep_known(decisions, "employee_contact_id", contacts.moving_keys().iloc[:0], present, rule_id)
    return decisions


def arrivals(ids: Ids, present: pd.DataFrame) -> Ids:
    """The target's contact for each of these contacts; null where the target has none."""
    there: Ids = ids.map(present.set_index("contact_id")["target_contact_id"]).astype("Int64")
    return there


def _keep_known(decisions: Decisions, column: str, moving: Ids, present: pd.DataFrame, rule_id: str) -> None:
    named = decisions.rows[column]
    matches = named.map(present.set_index("contact_id")["matches"])
    unknown = arrivals(named, present).isna() & ~named.isin(moving)
    several = worded("several contacts of the target match contact ", named, "")
    decisions.stay(unknown & (matches > 1), rule_id, several)
    where = " is neither in the set nor in the target" if len(moving) else " was not in the target before"
    decisions.stay(unknown, rule_id, worded("contact ", named, where))


def _keep_one_of_each(decisions: Decisions, moving: Ids, present: pd.DataFrame, rule_id: str) -> None:
    """Of entries whose contacts are one person in the target, only the one with the lowest contact id moves."""
    named = decisions.rows["contact_id"]
    there = (-arrivals(named, present)).where(~named.isin(moving), named)
    where = [name for name in ("policy_id", "pending_case_id", "account_id", "list_name") if name in decisions.rows]
    places = decisions.rows[where].assign(there=there, named=named)[decisions.moves].sort_values("named")
    double = places.index[places.drop(columns="named").duplicated()]
    decisions.stay(decisions.rows.index.isin(double), rule_id, "another entry names the same person of the target")
