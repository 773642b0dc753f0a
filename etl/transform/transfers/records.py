"""XFR-PRIMARY, XFR-COMMISSION, XFR-PARTIES: policies, pending cases, investment accounts and liabilities.

A record moves with its primary contact. Owner and insured go along if they move too or were in the target; else the
field is left out and reported. A liability keeps the account that secures it if the account moves too.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.transform.arrays import Objects
from etl.transform.transfers.contacts import DELETED
from etl.transform.transfers.decisions import Decisions, Ids, truth, worded

_RULE = "XFR-PRIMARY"
# Fields that name a contact and are not the primary one (XFR-PARTIES).
PARTY_FIELDS = {
    "policy": ("owner_contact_id", "primary_insured_id", "second_insured_id"),
    "pending_case": ("primary_insured_id",),
}
_CALLED = {
    "policy": "policy",
    "pending_case": "pending case",
    "investment_account": "investment account",
    "liability": "liability",
}


def decide_records(rows: Mapping[str, pd.DataFrame], contacts: Decisions) -> dict[str, Decisions]:
    """The decisions on policies, pending cases, accounts, liabilities and positions, by table."""
    decided = {entity: _by_primary_contact(entity, rows[entity], contacts) for entity in _CALLED}
    cases, commissions = decided["pending_case"], rows["commission"]
    with_commission = cases.rows["pending_case_id"].isin(commissions["pending_case_id"].dropna())
    cases.stay(with_commission, "XFR-COMMISSION", "it has a commission")
    positions = Decisions.all_move("investment_position", rows["investment_position"], _RULE, "its account moves")
    positions.follow(
        decided["investment_account"], "account_id", "its account", (_RULE, "its account is not in the set")
    )
    return {**decided, "investment_position": positions}


def list_left_out(decided: Mapping[str, Decisions], contacts: Decisions, present: Ids) -> list[pd.DataFrame]:
    """Fields that do not go with their records: advisors, parties, accounts. ``present``: contacts in the target."""
    moving = contacts.moving_keys()
    left = [_fields(contacts, "primary_advisor_id", contacts.rows["primary_advisor_id"].notna(), "XFR-ADVISOR",
                    "the primary advisor does not move")]  # fmt: skip
    for entity, fields in PARTY_FIELDS.items():
        for name in fields:
            party = decided[entity].rows[name]
            lost = party.notna() & ~party.isin(moving) & ~party.isin(present)
            reason = worded("contact ", party, " is neither in the set nor in the target")
            left.append(_fields(decided[entity], name, lost, "XFR-PARTIES", reason))
    account = decided["liability"].rows["account_id"]
    lost = account.notna() & ~account.isin(decided["investment_account"].moving_keys())
    reason = worded("investment account ", account, " stays: the liability goes without it")
    left.append(_fields(decided["liability"], "account_id", lost, _RULE, reason))
    return left


def _by_primary_contact(entity: str, rows: pd.DataFrame, contacts: Decisions) -> Decisions:
    decisions = Decisions.all_move(entity, rows, _RULE, "its primary contact moves")
    primary = rows["primary_contact_id"]
    decisions.stay(rows["deleted_at"].notna(), "XFR-NOT-MOVED", DELETED)
    decisions.stay(primary.isna(), _RULE, "it has no primary contact")
    stranger = ~primary.isin(contacts.rows["contact_id"])
    decisions.stay(stranger, _RULE, worded("its primary contact is ", primary, ", who is not in the set"))
    decisions.follow(contacts, "primary_contact_id", "its primary contact", (_RULE, ""))
    return decisions


def _fields(decisions: Decisions, name: str, lost: pd.Series, rule_id: str, reason: str | Objects) -> pd.DataFrame:
    at = truth(lost) & decisions.moves
    fields = pd.DataFrame({"entity": decisions.entity, "entity_id": decisions.ids, "field": name, "rule_id": rule_id})
    column = "contact_id" if decisions.entity == "contact" else "primary_contact_id"
    return fields.assign(contact_id=decisions.rows[column], reason=reason)[at]
