"""The checks before anything: facts from a plan, the gate over them, and who is left out for what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from etl.transform.transfers import TransferPlan
from etl.values import normal
from expectations.facts.transfer import STAYING_RULES, TRANSFER
from include.pipelines.transfer.context import TransferContext
from include.pipelines.transfer.reading import Reading

# Records of people and firms who work with an office, not of its clients: they have screens of their own.
_NOT_MOVABLE = ("advisor", "agency", "carrier")


def unit_key(contact_id: int) -> str:
    """The key of a contact in findings and outcomes."""
    return f"C{contact_id}"


def check(context: TransferContext, reading: Reading, plan: TransferPlan, busy: Mapping[int, str]) -> Any:
    """The gate's verdict over the request, the contacts and what would stay behind. Raises `GateBroken`."""
    from expectations import rules
    from expectations.gate import validate

    units = [TRANSFER, *(unit_key(contact_id) for contact_id in reading.contact_ids)]
    return validate(
        TRANSFER,
        make_facts(reading, plan, busy, context.request.source_office_id, context.request.target_office_id),
        units,
        as_of=context.request.as_of,
        overrides=rules.read_overrides(context.settings.rules.file),
        data_docs=context.reports / "data_docs",
    )


def make_facts(
    reading: Reading, plan: TransferPlan, busy: Mapping[int, str], source_office_id: int, target_office_id: int
) -> dict[str, pd.DataFrame]:
    """The frames of `expectations.facts.vendors.transfer`."""
    request = {
        "unit_key": TRANSFER,
        "entity_id": target_office_id,
        "offices_differ": source_office_id != target_office_id or not reading.is_one_database,
        "target_is_active": normal(str(reading.target_office["status"])) == "active",
        "export_missing": reading.export_missing,
        "import_missing": reading.import_missing,
    }
    requests = pd.DataFrame([request]).astype({"export_missing": "str", "import_missing": "str"})
    return {
        "requests": requests,
        "movers": _movers(reading, plan, busy, source_office_id),
        "leavings": _leavings(plan, target_office_id),
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
            "unit_key": [unit_key(contact_id) for contact_id in reading.contact_ids],
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
    """What stays of contacts that move, counted by contact and rule; carriers made anew hang on the transfer itself."""
    moving = plan.groups["contact_id"]
    records = plan.manifest
    stays = records[(records["decision"] == "stay") & records["contact_id"].isin(moving)]
    fields = plan.fields[plan.fields["contact_id"].isin(moving)]
    told = pd.concat([part[["contact_id", "rule_id"]] for part in (stays, fields)], ignore_index=True)
    told = told[told["rule_id"].isin(STAYING_RULES)]
    counts = told.groupby(["contact_id", "rule_id"], as_index=False).size()
    leavings = pd.DataFrame(
        {
            "unit_key": [unit_key(int(one)) for one in counts["contact_id"]],
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
    """contact_id, rule_id, reason: held contacts, and everybody who would move in one group with one of them."""
    held = verdict.held[verdict.held["unit_key"] != TRANSFER]
    own = pd.DataFrame(
        {
            "contact_id": pd.array([int(key[1:]) for key in held["unit_key"]], dtype="Int64"),
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
    """The gate's findings as the ledger and the report take them: each transfer's are its own, so all are new."""
    found = verdict.findings
    return found.assign(entity_id=found["entity_id"].astype("str"), status="new")
