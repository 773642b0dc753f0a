"""LIC-EMONEY-POLICIES, LIC-EMONEY-INVESTMENTS: what does not go for want of a license, reported for each unit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from expectations import rules
from expectations.rules.load import USER_LICENSES
from include.pipelines.refresh.plan import shard_name
from include.pipelines.run.context import RunContext
from include.report.display import counted
from include.runtime.staging import each_row

_NOUNS = {"LIC-EMONEY-POLICIES": ("policy", "policies"), "LIC-EMONEY-INVESTMENTS": ("account", "accounts")}


def find_withheld(context: RunContext, vendor: str, units: pd.DataFrame, overrides: rules.Overrides) -> pd.DataFrame:
    """One finding a unit and rule, naming the user and the licenses, for units whose user may run at all.

    ``units``: unit_key, shard. At Profiles nothing of a unit is withheld alone.
    """
    if vendor == "profiles":
        return pd.DataFrame(columns=list(rules.FINDING_COLUMNS))
    stages = [shard_name("emoney", shard) for shard in sorted(units["shard"].unique())]
    withheld, users = (context.staging.read_together(stages, name) for name in ("withheld", "users"))
    users = users[users["missing"].isna()]
    named = withheld.merge(users[["unit_key", "user_name"]], on="unit_key")
    counts = named.groupby(["unit_key", "rule_id", "user_name", "lacking"]).size().rename("records").reset_index()
    found = [_finding(row, overrides) for row in each_row(counts)]
    return pd.DataFrame(found, columns=list(rules.FINDING_COLUMNS))


def _finding(row: Any, overrides: rules.Overrides) -> dict[str, object]:
    message = rules.rule(row.rule_id).message
    return rules.finding(
        row.rule_id,
        "emoney",
        row.unit_key,
        entity="household" if row.unit_key[0] == "H" else "contact",
        entity_id=int(row.unit_key[1:]),
        field="Licenses",
        message=f"{message} ({counted(row.records, *_NOUNS[row.rule_id])}; {row.user_name} lacks {row.lacking})",
        overrides=overrides,
    ) | {"remedy": f"{USER_LICENSES.replace('the user', row.user_name)}: select {row.lacking}."}
