"""Checks a plan: facts for the gate, the gate's verdict, and the contacts that the verdict leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from etl.transform.transfers import TransferPlan
from etl.units import contact_key, numbers_of
from etl.values import USER_STATUS_ENABLED, USER_STATUSES, normal
from expectations.facts.transfer import STAYING_RULES, TRANSFER
from include.pipelines.transfer.reading import Reading
from include.pipelines.transfer.request import TransferContext
from include.report.data_docs import write_data_docs, write_results

# Records of people and firms who work with an office, not of its clients.
_NOT_MOVABLE = ("advisor", "agency", "carrier")

EXPORT_RIGHTS = ("Data Export", "Export contacts to another office - Button")
IMPORT_RIGHTS = ("Data Import",)


def check(context: TransferContext, reading: Reading, plan: TransferPlan, busy: Mapping[int, str]) -> Any:
    """The gate's verdict over the request, the contacts and what would stay behind. Raises `GateBroken`."""
    from expectations import rules
    from expectations.gate import validate

    units = [TRANSFER, *(contact_key(contact_id) for contact_id in reading.contact_ids)]
    verdict = validate(
        TRANSFER,
        make_facts(context, reading, plan, busy),
        units,
        as_of=context.request.as_of,
        overrides=rules.read_overrides(context.settings.rules.file),
    )
    write_results(context.reports / "data_docs", verdict.statistics)
    write_data_docs(context.reports / "data_docs")
    return verdict


def missing_rights(user: pd.DataFrame, office_id: int, needed: tuple[str, ...]) -> str | None:
    """What a user (`office_users.read_user`) lacks to act in an office (LIC-EXPORT, LIC-IMPORT, LIC-ENABLED).

    Names joined by a comma: the account there, its status, the rights; None where nothing is missing.
    """
    if user.empty:
        return "the user account"
    missing = []
    if int(user["office_id"].iloc[0]) != office_id:
        missing.append("an account in the office")
    if normal(str(user["status"].iloc[0])) not in USER_STATUSES:
        missing.append(f"the status {USER_STATUS_ENABLED}")
    missing += [right for right in needed if right not in set(user["right_name"].dropna())]
    return ", ".join(missing) or None


def make_facts(
    context: TransferContext, reading: Reading, plan: TransferPlan, busy: Mapping[int, str]
) -> dict[str, pd.DataFrame]:
    """The frames of `expectations.facts.transfer`."""
    source, target = context.request.source_office_id, context.request.target_office_id
    request = {
        "unit_key": TRANSFER,
        "entity_id": target,
        "offices_differ": source != target or not context.is_one_database,
        "target_is_active": normal(str(reading.offices["status"].iloc[1])) == "active",
        "export_missing": missing_rights(reading.exporter, source, EXPORT_RIGHTS),
        "import_missing": missing_rights(reading.importer, target, IMPORT_RIGHTS),
    }
    requests = pd.DataFrame([request]).astype({"export_missing": "str", "import_missing": "str"})
    return {
        "requests": requests,
        "movers": _movers(reading, plan, busy, source),
        "leavings": _leavings(plan, target),
    }


def _movers(reading: Reading, plan: TransferPlan, busy: Mapping[int, str], source_office_id: int) -> pd.DataFrame:
    wanted = pd.DataFrame({"contact_id": pd.array(reading.contact_ids, dtype="Int64")})
    contacts = reading.rows["contact"].set_index("contact_id").reindex(wanted["contact_id"])
    present = plan.present.set_index("contact_id").reindex(wanted["contact_id"])
    headless = plan.households.loc[plan.households["loses_its_head"].astype(bool), "head_contact_id"].value_counts()
    in_source = (contacts["office_id"] == source_office_id).fillna(False) & contacts["deleted_at"].isna()
    kinds = contacts["subsystem_type"].fillna("").map(normal)
    return pd.DataFrame(
        {
            "unit_key": [contact_key(contact_id) for contact_id in reading.contact_ids],
            "entity_id": wanted["contact_id"].astype("int64"),
            "is_in_source": in_source.to_numpy(dtype=bool),
            "may_move": ~kinds.isin(_NOT_MOVABLE).to_numpy(dtype=bool),
            "busy_with": pd.Series([busy.get(one) for one in reading.contact_ids], dtype="str"),
            "present_contact_id": present["target_contact_id"].astype("Int64").array,
            "present_count": present["matches"].fillna(0).astype("int64").array,
            "headless_households": headless.reindex(wanted["contact_id"]).fillna(0).astype("int64").array,
        }
    ).astype({"unit_key": "str"})


def _leavings(plan: TransferPlan, target_office_id: int) -> pd.DataFrame:
    """What stays of moving contacts, counted by contact and rule; carriers made anew count for the transfer itself."""
    moving = plan.groups["contact_id"]
    records = plan.manifest
    stays = records[(records["decision"] == "stay") & records["contact_id"].isin(moving)]
    fields = plan.fields[plan.fields["contact_id"].isin(moving)]
    staying = pd.concat([part[["contact_id", "rule_id"]] for part in (stays, fields)], ignore_index=True)
    staying = staying[staying["rule_id"].isin(STAYING_RULES)]
    counts = staying.groupby(["contact_id", "rule_id"], as_index=False).size()
    leavings = pd.DataFrame(
        {
            "unit_key": [contact_key(int(one)) for one in counts["contact_id"]],
            "entity": "contact",
            "entity_id": counts["contact_id"].astype("int64"),
            "rule_id": counts["rule_id"].astype("str"),
            "records": counts["size"].astype("int64"),
        }
    )
    anew = records[(records["decision"] == "recreate") & records["entity"].isin(("carrier", "product"))]
    if len(anew):
        of_transfer = [TRANSFER, "office", target_office_id, "XFR-CARRIER", len(anew)]
        leavings = pd.concat([leavings, pd.DataFrame([of_transfer], columns=leavings.columns)], ignore_index=True)
    return leavings.astype({"unit_key": "str", "entity": "str", "rule_id": "str"})


def left_out(verdict: Any, plan: TransferPlan) -> pd.DataFrame:
    """contact_id, rule_id, reason: contacts that a check holds, and all that would move in one group with them."""
    held = verdict.held[verdict.held["unit_key"] != TRANSFER]
    own = pd.DataFrame(
        {
            "contact_id": numbers_of(held["unit_key"]).astype("Int64").array,
            "rule_id": held["rule_ids"].str.split(",").str[0].astype("str").array,
        }
    )
    own["reason"] = pd.Series("it is held back by a check", index=own.index, dtype="str")
    grouped = own.merge(plan.groups, on="contact_id").drop_duplicates("group")
    tied = plan.groups[~plan.groups["contact_id"].isin(own["contact_id"])]
    tied = tied.merge(grouped, on="group", suffixes=("", "_held"))
    reason = "it moves only together with contact " + tied["contact_id_held"].astype("str") + ", which is held back"
    both = pd.concat([own, tied[["contact_id", "rule_id"]].assign(reason=reason)], ignore_index=True)
    return both.astype({"contact_id": "Int64", "rule_id": "str", "reason": "str"})


def findings_of(verdict: Any) -> pd.DataFrame:
    """The gate's findings as the ledger and the report take them; findings of a transfer are always new."""
    found = verdict.findings
    return found.assign(entity_id=found["entity_id"].astype("str"), status="new")
