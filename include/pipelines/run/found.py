"""What reading the CRM found out about units, beside what their documents are made of: findings at every vendor.

Each reader stages a table of its own under ``found/``: unit_key, rule_id, entity, entity_id (text), field, detail.
"""

from __future__ import annotations

import pandas as pd

from etl.extract.changes import Movement
from etl.frames import are_among, each_row
from expectations import rules
from include.pipelines.run.context import RunContext

STAGE = "found"
# Stands for a unit's key in findings that concern no unit.
THE_CRM = "CRM"


def stage_clock(context: RunContext, movement: Movement, part: str = "clock") -> None:
    """SCP-CLOCK: stamps that cannot say when a row was changed."""
    doubts = movement.doubtful
    more = (doubts["rows"] - 1).astype("str")
    detail = doubts["entity"].where(doubts["rows"] == 1, doubts["entity"] + ", and " + more + " more there")
    told = doubts[["unit_key", "entity", "entity_id"]].assign(rule_id="SCP-CLOCK", field="modified_at", detail=detail)
    context.staging.write(f"{STAGE}/{part}", {"found": told})


def stage_strays(context: RunContext, strays: pd.DataFrame) -> None:
    """SCP-STRAY: rows of the CRM that nobody can say the unit of."""
    told = strays.assign(unit_key=THE_CRM, rule_id="SCP-STRAY", entity_id="")
    context.staging.write(f"{STAGE}/strays", {"found": told})


def read_found(context: RunContext, vendor: str, unit_keys: pd.Series, overrides: rules.Overrides) -> pd.DataFrame:
    """The findings of these units and of the CRM as a whole, as a vendor's (`rules.FINDING_COLUMNS`)."""
    parts = [context.staging.read(stage)["found"] for stage in context.staging.stages(STAGE)]
    found = [
        rules.finding(
            row.rule_id,
            vendor,
            row.unit_key,
            entity=row.entity,
            entity_id=row.entity_id,
            field=row.field,
            message=f"{rules.rule(row.rule_id).message} ({row.detail})",
            overrides=overrides,
        )
        for part in parts
        for row in each_row(part[are_among(part["unit_key"], [*unit_keys, THE_CRM])])
    ]
    return pd.DataFrame(found, columns=list(rules.FINDING_COLUMNS))
