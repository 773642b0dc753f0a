"""XFR-SET, XFR-NOTES: the contacts of the set, and the rows that belong to a contact alone."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.transform.transfers.contract import Selection
from etl.transform.transfers.decisions import Decisions, truth, worded
from etl.values import normal

DELETED = "it is in Deleted Records"

# Tables whose rows go with their contact, and by which rule.
_GO_ALONG = {
    "contact_address": "XFR-SET",
    "contact_phone": "XFR-SET",
    "contact_email": "XFR-SET",
    "smartpad_note": "XFR-NOTES",
    "activity": "XFR-NOTES",
    "letter": "XFR-NOTES",
}
LETTER_KIND = normal("Letter")

# XFR-NOT-MOVED: tables of which no row ever moves, with the reason that is shown.
NOT_MOVED = {
    "contact_set_member": "set memberships stay",
    "lead": "leads stay",
    "referred_contact": "referred contacts stay",
    "event_invitation": "event invitations stay",
    "presale_activity": "presale activities stay",
    "custom_field_value": "values of custom fields stay",
    "asset_allocation": "asset allocation stays; the target computes it anew",
    "account_performance": "performance stays; the target computes it anew",
}


def decide_contacts(contacts: pd.DataFrame, selection: Selection) -> Decisions:
    """XFR-SET: a contact of the set moves if it belongs to the source office, is not deleted and is not left out."""
    decisions = Decisions.all_move("contact", contacts, "XFR-SET", "it is in the set")
    left_out = selection.left_out.drop_duplicates("contact_id").set_index("contact_id")
    rules, reasons = (contacts["contact_id"].map(left_out[name]) for name in ("rule_id", "reason"))
    decisions.stay(contacts["deleted_at"].notna(), "XFR-SET", DELETED)
    elsewhere = contacts["office_id"] != selection.source_office_id
    decisions.stay(elsewhere, "XFR-SET", worded("it belongs to office ", contacts["office_id"], ""))
    decisions.stay(contacts["contact_id"].isin(left_out.index), rules, reasons)
    return decisions


def decide_companions(rows: Mapping[str, pd.DataFrame], contacts: Decisions) -> list[Decisions]:
    """Addresses, phones, e-mail addresses; notes, activities and letters (XFR-NOTES)."""
    decided = []
    for entity, rule_id in _GO_ALONG.items():
        decisions = Decisions.all_move(entity, rows[entity], rule_id, "its contact moves")
        decisions.follow(contacts, "contact_id", "its contact", (rule_id, "its contact is not in the set"))
        if entity == "letter":
            _keep_letters(decisions)
        decided.append(decisions)
    return decided


def decide_not_moved(rows: Mapping[str, pd.DataFrame]) -> list[Decisions]:
    """XFR-NOT-MOVED, and commissions (XFR-COMMISSION)."""
    stays = [
        Decisions.none_moves(entity, rows[entity], "XFR-NOT-MOVED", reason) for entity, reason in NOT_MOVED.items()
    ]
    return [*stays, Decisions.none_moves("commission", rows["commission"], "XFR-COMMISSION", "commissions stay")]


def _keep_letters(decisions: Decisions) -> None:
    letters = decisions.rows
    kinds = letters["kind"].map({kind: normal(kind) for kind in letters["kind"].unique()})
    decisions.stay(kinds != LETTER_KIND, "XFR-NOTES", "documents and e-mail messages stay; only letters move")
    decisions.stay(~truth(letters["sent_to_contact"] == 1), "XFR-NOTES", "it was not sent to the contact")
