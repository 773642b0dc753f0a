"""Findings about units that the stages make beside the gate, and the units over which a stage broke.

What reading the CRM finds out about units is staged under ``found/``, a table for each reader: unit_key, rule_id,
entity, entity_id (text), field, detail. It is reported at every vendor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from etl.defects import note_defect
from etl.extract.changes import Movement
from etl.frames import are_among, each_row
from etl.narrowing import Narrowed
from etl.units import UnitKey
from expectations import rules
from include.pipelines.run.context import RunContext

STAGE = "found"
# Stands for a unit's key in findings that concern no unit.
THE_CRM = "CRM"

# Found by a merge with a case, and true until the next merge.
OF_THE_CASE = ("PROFILES-KEPT", "PROFILES-STALE")
# An item that waits at eMoney until it is linked or gone.
WAITING = "EMY-NEW"
# A field that was edited at eMoney and changed in SmartOffice. Where it is kept, both differ until the next write.
OVERWRITTEN = "EMY-OVERWRITTEN"
# Found by a load only: no gate can see that they are mended.
OF_THE_LOAD = (*OF_THE_CASE, WAITING, OVERWRITTEN, "MATCH-AMBIGUOUS", "MATCH-GONE", "VENDOR-REJECTED", "EMY-REFRESH")


def unit_finding(context: RunContext, rule_id: str, vendor: str, unit_key: str, message: str) -> dict[str, Any]:
    """A finding about a unit as a whole, with the keys of `rules.FINDING_COLUMNS`."""
    unit = UnitKey.parse(unit_key)
    return finding(context, rule_id, vendor, unit_key, unit.entity, unit.number, message=message)


def finding(
    context: RunContext, rule_id: str, vendor: str, unit_key: str, entity: str, entity_id: Any, **more: Any
) -> dict[str, Any]:
    """A finding about one record of a unit; ``more``: message, field."""
    return rules.finding(
        rule_id, vendor, unit_key, entity=entity, entity_id=entity_id, overrides=context.overrides, **more
    )


def detailed_finding(context: RunContext, vendor: str, row: Any) -> dict[str, Any]:
    """A finding whose message is the rule's own, with a detail; ``row``: unit_key, rule_id, entity, …, detail."""
    message = f"{rules.rule(row.rule_id).message} ({row.detail})"
    return finding(
        context, row.rule_id, vendor, row.unit_key, row.entity, row.entity_id, field=row.field, message=message
    )


def as_findings(found: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Findings as a frame of `rules.FINDING_COLUMNS`."""
    return pd.DataFrame(list(found), columns=list(rules.FINDING_COLUMNS))


def stage_clock(context: RunContext, movement: Movement, part: str = "clock") -> None:
    """SCP-CLOCK: stamps that cannot say when a row was changed."""
    doubts = movement.doubtful
    more = (doubts["rows"] - 1).astype("str")
    detail = doubts["entity"].where(doubts["rows"] == 1, doubts["entity"] + ", and " + more + " more there")
    found = doubts[["unit_key", "entity", "entity_id"]].assign(rule_id="SCP-CLOCK", field="modified_at", detail=detail)
    context.staging.write(f"{STAGE}/{part}", {"found": found})


def stage_strays(context: RunContext, strays: pd.DataFrame) -> None:
    """SCP-STRAY: rows of the CRM whose unit is unknown."""
    found = strays.assign(unit_key=THE_CRM, rule_id="SCP-STRAY", entity_id="")
    context.staging.write(f"{STAGE}/strays", {"found": found})


def read_found(context: RunContext, vendor: str, unit_keys: pd.Series) -> pd.DataFrame:
    """The staged findings of these units and of the CRM as a whole, as a vendor's."""
    parts = [context.staging.read(stage)["found"] for stage in context.staging.stages(STAGE)]
    return as_findings(
        detailed_finding(context, vendor, row)
        for part in parts
        for row in each_row(part[are_among(part["unit_key"], unit_keys) | (part["unit_key"] == THE_CRM)])
    )


def name_defects(step: str, narrowed: Narrowed[str, Any]) -> pd.DataFrame:
    """unit_key, reason of the units that broke a step; each is logged under the id that its reason gives.

    An error of several units together, and of none alone, is only logged: these units passed in parts.
    """
    if narrowed.error is not None and not narrowed.broken:
        note_defect(narrowed.error, step, "several units together, none of them alone")
    reasons = [note_defect(error, step, unit_key) for unit_key, error in narrowed.broken.items()]
    return pd.DataFrame({"unit_key": list(narrowed.broken), "reason": reasons}, dtype="str")
