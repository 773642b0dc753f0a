"""The waivers of a run: those in force on its day when it began, the same for all its steps.

Stages ``waivers``, if there are any.
"""

from __future__ import annotations

import pandas as pd

from etl.frames import are_among, empty
from etl.load.ledger.desk import waivers
from etl.load.ledger.findings import WAIVED
from expectations.waivers import covered_by
from include.pipelines.run.context import RunContext

STAGE = "waivers"


def stage_waivers(context: RunContext) -> None:
    """Notes which waivers are in force."""
    standing = waivers.read_in_force(context.ledger, context.request.as_of)
    if len(standing):
        context.staging.write(STAGE, {"waivers": standing})


def waive(context: RunContext, findings: pd.DataFrame, documented: pd.Series[str] | None = None) -> pd.DataFrame:
    """The findings with the waiver that covers each. With ``documented``, nothing is waived in any other unit."""
    standing = empty(waivers.COVER_COLUMNS)
    if context.staging.has(STAGE):
        standing = context.staging.read(STAGE)["waivers"]
    if documented is not None:
        standing = standing[are_among(standing["unit_key"], documented)]
    return findings.assign(**{WAIVED: covered_by(findings, standing)})


def not_waived(findings: pd.DataFrame) -> pd.DataFrame:
    """The findings that no waiver covers."""
    return findings[findings[WAIVED].isna()]
