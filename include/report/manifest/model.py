"""The contents of a transfer's manifest: each record, whether it moves, by which rule, and how it turned out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import pandas as pd

from etl.frames import empty, require_columns
from expectations.rules import FINDING_COLUMNS

RECORD_COLUMNS = ("entity", "entity_id", "contact_id", "group", "decision", "rule_id", "reason", "target_id")
FIELD_COLUMNS = ("entity", "entity_id", "contact_id", "field", "rule_id", "reason")
CONTACT_COLUMNS = ("contact_id", "name", "kind")
CLOSURE_COLUMNS = ("contact_id", "name", "because", "is_direct")
GROUP_COLUMNS = ("group", "status", "why")

# As the manifest plans it, and as it turned out: a record of a group that could not move has failed.
DECISIONS = ("move", "recreate", "stay", "failed")

ENTITY_WORDS: Mapping[str, str] = {
    "contact": "Contacts",
    "contact_address": "Addresses",
    "contact_phone": "Phones",
    "contact_email": "E-mail addresses",
    "household": "Households",
    "household_member": "Household members",
    "key_relation": "Key relations",
    "carrier": "Carriers",
    "product": "Products",
    "policy": "Policies",
    "policy_beneficiary": "Policy beneficiaries",
    "policy_contact": "Policy lists",
    "pending_case": "Pending cases",
    "pending_case_contact": "Pending case lists",
    "investment_account": "Investment accounts",
    "investment_position": "Positions",
    "investment_account_contact": "Account lists",
    "liability": "Liabilities",
    "commission": "Commissions",
    "smartpad_note": "SmartPad notes",
    "activity": "Activities",
    "letter": "Letters",
    "employee_census": "Employee census",
    "contact_set_member": "Set memberships",
    "lead": "Leads",
    "referred_contact": "Referred contacts",
    "event_invitation": "Event invitations",
    "presale_activity": "Presale activities",
    "custom_field_value": "Custom fields",
    "asset_allocation": "Asset allocation",
    "account_performance": "Performance",
}
"""The tables as SmartOffice's users call them, in the order in which the manifest lists them."""


@dataclass(frozen=True)
class Manifest:
    """The contents of a manifest. Frames may come in any row order and are not changed.

    - ``facts``: what the transfer is, label -> words, in order (offices, users, dates, status)
    - ``records``: RECORD_COLUMNS; one row for each record, ``contact_id`` null for what hangs on no contact
    - ``fields``: FIELD_COLUMNS; fields of moving records that do not go with them
    - ``contacts``: contact_id, name, kind; every contact that the manifest names
    - ``closure``: contact_id, name, because, is_direct; contacts that would have to be added so that relations
      survive; first those that a contact of the set names
    - ``findings``: the worklist's findings of the transfer
    - ``groups``: group, status, why; how each group that was to move has ended, empty before
    - ``ended``: how the transfer ended, in words; None: it is planned
    - ``agrees``: whether what happened equals the manifest row by row; None: nothing has happened
    """

    transfer_id: str
    status: str
    facts: Mapping[str, str]
    records: pd.DataFrame
    contacts: pd.DataFrame
    fields: pd.DataFrame = field(default_factory=lambda: empty(FIELD_COLUMNS))
    closure: pd.DataFrame = field(default_factory=lambda: empty(CLOSURE_COLUMNS))
    findings: pd.DataFrame = field(default_factory=lambda: empty(FINDING_COLUMNS))
    groups: pd.DataFrame = field(default_factory=lambda: empty(GROUP_COLUMNS))
    planned_at: datetime | None = None
    ended: str | None = None
    agrees: bool | None = None

    def __post_init__(self) -> None:
        require_columns(
            self,
            "manifest",
            records=RECORD_COLUMNS,
            fields=FIELD_COLUMNS,
            contacts=CONTACT_COLUMNS,
            closure=CLOSURE_COLUMNS,
            findings=FINDING_COLUMNS,
            groups=GROUP_COLUMNS,
        )

    @property
    def has_moved(self) -> bool:
        """Whether the manifest reports what happened, not what is planned."""
        return self.agrees is not None

    def count(self, entity: str, decision: str) -> int:
        """How many records of a table have a decision."""
        return self._counts.get((entity, decision), 0)

    def total(self, decision: str) -> int:
        """How many records have a decision."""
        return sum(count for (_, one), count in self._counts.items() if one == decision)

    @cached_property
    def _counts(self) -> dict[tuple[str, str], int]:
        sizes = self.records.groupby(["entity", "decision"], sort=False, as_index=False).size()
        rows = zip(sizes["entity"], sizes["decision"], sizes["size"], strict=True)
        return {(str(entity), str(decision)): int(size) for entity, decision, size in rows}

    @cached_property
    def by_table(self) -> pd.DataFrame:
        """entity, words, move, recreate, stay, failed; tables without a record are left out."""
        known = [*ENTITY_WORDS, *sorted({entity for entity, _ in self._counts} - set(ENTITY_WORDS))]
        rows = [
            {"entity": entity, "words": ENTITY_WORDS.get(entity, entity)}
            | {decision: self.count(entity, decision) for decision in DECISIONS}
            for entity in known
        ]
        table = pd.DataFrame(rows, columns=["entity", "words", *DECISIONS])
        return table[table[list(DECISIONS)].sum(axis=1) > 0].reset_index(drop=True)

    @cached_property
    def by_rule(self) -> pd.DataFrame:
        """rule_id, decision, reason (an example), records, contacts; what stays first, the most first."""
        grouped = self.records.groupby(["rule_id", "decision"], as_index=False, dropna=False)
        rules = grouped.agg(
            reason=("reason", "first"), records=("entity_id", "size"), contacts=("contact_id", "nunique")
        )
        rank = {decision: place for place, decision in enumerate(("failed", "stay", "recreate", "move"))}
        rules["rank"] = rules["decision"].map(rank)
        ordered = rules.sort_values(["rank", "records", "rule_id"], ascending=[True, False, True])
        return ordered.drop(columns="rank").reset_index(drop=True)

    @cached_property
    def held(self) -> pd.DataFrame:
        """contact_id, rule_id, message, remedy: the critical findings, for which contacts do not move."""
        critical = self.findings[self.findings["severity"] == "critical"]
        return pd.DataFrame(
            {
                "contact_id": critical["entity_id"].astype("str"),
                **{name: critical[name].astype("str") for name in ("rule_id", "message", "remedy")},
            }
        ).reset_index(drop=True)
