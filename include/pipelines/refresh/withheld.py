"""Records that are withheld for lack of a license, by unit: LIC-EMONEY-POLICIES, LIC-EMONEY-INVESTMENTS."""

from __future__ import annotations

from typing import Any

import pandas as pd

from etl.frames import each_row
from expectations import rules
from expectations.rules.load import USER_LICENSES
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import as_findings, unit_finding
from include.pipelines.run.shards import read_shards
from include.report.display import counted

_NOUNS = {"LIC-EMONEY-POLICIES": ("policy", "policies"), "LIC-EMONEY-INVESTMENTS": ("account", "accounts")}


def find_withheld(context: RunContext, vendor: str, units: pd.DataFrame) -> pd.DataFrame:
    """One finding for each unit and rule, with the user and the missing licenses, where the user may run at all.

    ``units``: unit_key, shard. Profiles takes a unit as a whole or not at all.
    """
    if vendor == "profiles":
        return as_findings([])
    withheld, users = (read_shards(context, vendor, units["shard"].unique(), name) for name in ("withheld", "users"))
    users = users[users["missing"].isna()]
    named = withheld.merge(users[["unit_key", "user_name"]], on="unit_key")
    counts = named.groupby(["unit_key", "rule_id", "user_name", "lacking"]).size().rename("records").reset_index()
    return as_findings(_finding(context, row) for row in each_row(counts))


def _finding(context: RunContext, row: Any) -> dict[str, Any]:
    detail = f"{counted(row.records, *_NOUNS[row.rule_id])}; {row.user_name} lacks {row.lacking}"
    message = f"{rules.rule(row.rule_id).message} ({detail})"
    remedy = f"{USER_LICENSES.replace('the user', row.user_name)}: select {row.lacking}."
    found = unit_finding(context, row.rule_id, "emoney", row.unit_key, message)
    return found | {"field": "Licenses", "remedy": remedy}
