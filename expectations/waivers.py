"""Which findings a waiver covers, and the rules that nobody can waive."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pandas as pd

from expectations.rules import RULES

_IDENTITY: Final = "it says who the person is: at a vendor nobody could be found, or somebody else would be"
_NO_DOCUMENT: Final = "without it no document can be made"
_CELLS: Final = "what the CRM holds cannot be read: nobody knows what would be sent"
_RECORD: Final = "nobody knows which record at the vendor is meant: another client's could be written"
_REFUSED: Final = "the vendor refuses the document"
_RIGHTS: Final = "it is about the rights of a user, which are given in SmartOffice"
_TRANSFER: Final = "it is about a transfer, which is checked as a whole"

NEVER_WAIVED: Final[Mapping[str, str]] = MappingProxyType({
    "HH-HEAD": _NO_DOCUMENT,
    "HH-SPOUSE-AMBIGUOUS": _IDENTITY,
    "DEM-NAME": _IDENTITY,
    "DEM-BIRTH-DATE": _IDENTITY,
    "HH-DECEASED-HEAD": "the plan of somebody who has died goes on only with another head, as a life event",
    "ACC-MONEY": "the amount is impossible: a vendor refuses it, or counts with it",
    "LIA-RATE": _REFUSED,
    "LIFE-EVENT": "the vendor has another couple: a person confirms the event in a run by hand",
    **{rule_id: _CELLS for rule_id in RULES if rule_id.startswith("SCP-")},
    **{rule_id: _RECORD for rule_id in RULES if rule_id.startswith("MATCH-")},
    "VENDOR-REJECTED": _REFUSED,
    **{rule_id: _RIGHTS for rule_id in RULES if rule_id.startswith("LIC-")},
    **{rule_id: _TRANSFER for rule_id in RULES if rule_id.startswith("XFR-")},
})  # fmt: skip
"""Why a rule cannot be waived, in words that go on after "because"."""


def covered_by(findings: pd.DataFrame, waivers: pd.DataFrame) -> pd.Series[int]:
    """The waiver of each finding (Int64, by the findings' index); null where none covers it.

    ``waivers``: waiver_id, unit_key, rule_id, entity, entity_id, is_approved, of those in force; an entity of ``""``
    is the whole unit. A waiver that no second person has approved covers nothing critical. Of several the oldest one
    counts.
    """
    nothing = pd.Series(pd.NA, index=findings.index, dtype="Int64")
    waivers = waivers[~waivers["rule_id"].isin(NEVER_WAIVED)]
    if waivers.empty or findings.empty:
        return nothing
    keys = ["unit_key", "rule_id"]
    rows = findings[[*keys, "entity", "entity_id", "severity"]].reset_index(names="at")
    pairs = rows.merge(waivers.rename(columns={"entity": "of", "entity_id": "of_id"}), on=keys)
    is_whole = pairs["of"] == ""
    is_record = (pairs["of"] == pairs["entity"]) & (pairs["of_id"] == pairs["entity_id"].astype("str"))
    may = (pairs["severity"] != "critical") | pairs["is_approved"].astype(bool)
    covering = pairs[(is_whole | is_record) & may].groupby("at")["waiver_id"].min()
    nothing[covering.index] = covering
    return nothing
