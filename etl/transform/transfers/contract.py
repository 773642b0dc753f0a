"""What goes into the plan of a transfer, and what comes out.

Ids of records are text (``entity_id``; the parts of a composite key are joined by ``:``).
Ids of contacts are ``Int64``. A plan holds no names, numbers or amounts of clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from etl import canonical

# The ledger's id map of a pair of offices: rows that earlier transfers moved or recreated and that are still there.
NOTHING_KNOWN = pd.DataFrame(columns=["entity", "source_id", "target_id"], dtype="str")


def _nobody() -> pd.DataFrame:
    return pd.DataFrame(columns=["contact_id", "rule_id", "reason"], dtype="str").astype({"contact_id": "Int64"})


@dataclass(frozen=True)
class Selection:
    """Which contacts of the rows shall move.

    left_out: contact_id, rule_id, reason of contacts that do not take part: held by a check, in another transfer, or
        not accepted by the receiving user.
    """

    source_office_id: int
    target_office_id: int
    same_database: bool = True
    left_out: pd.DataFrame = field(default_factory=_nobody)


@dataclass(frozen=True)
class TransferPlan:
    """The manifest and what follows from it.

    manifest: every row that was read, once: ``entity`` (table), ``entity_id``, ``contact_id`` (on which it hangs; null
        for carriers and products), ``group`` (Int64; contacts tied by what moves with them move together; null where
        the contact stays; 0 for carriers and products that are recreated, which come before all groups), ``decision``,
        ``rule_id``, ``reason``, ``row_hash`` (`etl.canonical.row_hashes` of the source row), ``target_id`` (of a
        carrier or product that the target has already). A household whose decision is ``recreate`` is made anew in the
        target with those of its members whose decision is ``recreate`` too (XFR-HOUSEHOLD).
    fields: fields of moving records that do not go with them: ``entity``, ``entity_id``, ``contact_id``, ``field``,
        ``rule_id``, ``reason`` (XFR-ADVISOR, XFR-PARTIES; an account that secures a liability and stays).
    present: who of those whom the rows name is in the target (XFR-PRESENT): ``contact_id``, ``target_contact_id``
        (null = not), ``matched_by`` (``id map``, ``tax id``, ``name and birth date``), ``matches`` (2 or more: none).
    groups: ``contact_id``, ``group`` of every contact that moves.
    households: the households of the set that are not deleted: ``household_id``, ``head_contact_id``, ``group`` (of the
        head, else of the first member who moves; null where nobody does), ``is_rebuilt``, ``loses_its_head`` (the head
        moves, others stay), ``is_emptied`` (nobody is left).
    closure: who else would have to be in the set so that its key relations survive: ``contact_id``, ``needed_by`` (the
        nearest contact of the set from whom key relations lead there; of several the one with the lowest id),
        ``is_direct`` (a contact of the set names them), ``can_move`` (in the source office, not deleted; where not, the
        relations cannot survive).
    """

    manifest: pd.DataFrame
    fields: pd.DataFrame
    present: pd.DataFrame
    groups: pd.DataFrame
    households: pd.DataFrame
    closure: pd.DataFrame

    def moved(self, entity: str) -> pd.DataFrame:
        """The rows of the manifest that come to be in the target: moved or recreated."""
        rows = self.manifest
        return rows[(rows["entity"] == entity) & (rows["decision"] != "stay")]

    def part(self, group_nos: Iterable[int], rows: Mapping[str, pd.DataFrame]) -> TransferPlan:
        """The plan of some groups. Of carriers and products, which groups share, it keeps those among ``rows``."""
        chosen = self.manifest["group"].isin(list(group_nos))
        for entity in ("carrier", "product"):
            ids = canonical.row_ids(entity, rows[entity])
            chosen |= (self.manifest["entity"] == entity) & self.manifest["entity_id"].isin(ids)
        return replace(self, manifest=self.manifest[chosen])
