"""Writes what people read of a transfer: the manifest, the work list, and the text of the required action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from etl.load.ledger import runs
from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.units import contact_key
from expectations.facts.transfer import TRANSFER
from include.pipelines.transfer.request import TransferContext
from include.report.display import asked_by, counted
from include.report.manifest.model import Manifest
from include.report.manifest.writer import write_manifest
from include.report.run.advice import Step
from include.report.run.model import Run, RunReport, Wording
from include.report.run.writer import write_report

if TYPE_CHECKING:
    from include.pipelines.transfer.plan import StagedPlan

# How a transfer ended, for people; ``{who}`` is the user who answered.
ENDINGS = {
    "planned": None,
    "accepted": "{who} has accepted it; it is being moved.",
    "running": "{who} has accepted it; it is being moved.",
    "rejected": "{who} rejected it: nothing was moved.",
    "timed_out": "Nobody answered in time: nothing was moved.",
    "cancelled": "It was cancelled: nothing was moved.",
    "closed": "Accepted by {who}.",
    "failed": "Accepted by {who}, but no group could be moved: the source is as it was.",
    "returned": "It was moved, and later returned to the source office.",
}
CONSEQUENCES = {
    "critical": "The contact, and every contact that is tied to it, stays in the source office until this is mended.",
    "warning": "The contact moves, but something of it stays behind or has to be looked at.",
    "info": "Nothing has to be done; this is for information.",
}
MEANINGS = {
    "created": "Moved: it is in the target office, and retired in the source office.",
    "updated": "Does not happen in a transfer.",
    "unchanged": "Does not happen in a transfer.",
    "held": "Not moved: a check holds it back, or the receiving user did not accept it.",
    "deferred": "Does not happen in a transfer.",
    "failed": "Not moved: it was edited meanwhile, or the target refused something. The source is as it was.",
    "skipped": "Not moved: nobody accepted the transfer.",
}
CLOSURE_SHOWN = 30
_WOULD = {"move": "would move", "recreate": "would be made anew", "stay": "would stay"}


def write(
    context: TransferContext,
    staged: StagedPlan,
    records: pd.DataFrame | None = None,
    agrees: bool | None = None,
    closed: Mapping[str, Any] | None = None,
    stopped: str | None = None,
) -> Manifest:
    """Writes the manifest and the work list into the run's report.

    ``records``: the manifest's records as they turned out, and ``agrees``: whether as planned; without them as planned.
    ``closed``: the run's row in the ledger, None while the run waits; ``stopped``: why the run stopped.
    """
    made = _make_manifest(context, staged, records, agrees)
    write_manifest(context.reports, made)
    outcomes = runs.read_outcomes(context.ledger, context.request.run_id)
    begun = runs.find_run(context.ledger, context.request.run_id) or {}
    run = closed or {**begun, "status": "waiting for an answer"}
    report = RunReport(
        run=Run.of(run),
        units=len(outcomes),
        units_in_scope=runs.read_scope(context.ledger, context.request.run_id) if closed else {},
        outcomes=outcomes,
        findings=staged.findings,
        labels=_labels(staged, made),
        consequences=CONSEQUENCES,
        stages=context.staging.stage_seconds(),
        stopped=stopped,
        wording=Wording(
            "contact", _headline(made, stopped), _steps(context, staged.findings, closed, stopped), MEANINGS
        ),
    )
    write_report(context.reports, report)
    context.name_report(run)
    return made


def question(context: TransferContext, staged: StagedPlan) -> tuple[str, str]:
    """The required action's subject and body (Markdown). It holds ids and counts alone: Airflow's database keeps it."""
    request, made = context.request, _make_manifest(context, staged)
    moving, findings = counted(len(staged.moving), "contact"), staged.findings
    is_held = (findings["severity"] == "critical") & (findings["entity"] == "contact")
    held = findings.loc[is_held, "entity_id"].nunique()
    stays = made.by_rule[made.by_rule["decision"] == "stay"]
    left_behind = ", ".join(f"{row.rule_id} {row.records:,}" for row in stays.itertuples()) or "nothing"
    lines = [
        f"**{asked_by(request.requested_by, request.triggered_by)}** asks **{request.receiving_user}** to accept "
        f"{moving} into {staged.office(1)}.",
        "",
        *_count_table(made),
        "",
        f"Left behind by rule: {left_behind}.",
    ]
    if held:
        lines += ["", f"Held back by the checks, with every contact tied to them: {counted(held, 'contact')}."]
    lines += _closure_lines(staged.plan.closure)
    lines += [
        "",
        f"Every record, with names: `{context.reports / 'manifest.html'}`.",
        "",
        "*Accept* moves all that the manifest lists as moving, or only the contacts that you name. *Reject* ends the "
        "transfer with nothing changed; so does no answer.",
    ]
    return f"Accept {moving} from {staged.office(0)}", "\n".join(lines)


def _count_table(made: Manifest) -> list[str]:
    decisions = [decision for decision in _WOULD if made.total(decision)]
    head = [f"| | {' | '.join(_WOULD[decision] for decision in decisions)} |", "|---" * (len(decisions) + 1) + "|"]
    rows = zip(made.by_table["words"], *(made.by_table[decision] for decision in decisions), strict=True)
    return [*head, *(f"| {words} | {' | '.join(f'{count:,}' for count in counts)} |" for words, *counts in rows)]


def _closure_lines(closure: pd.DataFrame) -> list[str]:
    movable = closure[closure["can_move"].astype(bool)]
    direct = movable.loc[movable["is_direct"].astype(bool), "contact_id"].astype("int64").tolist()
    if not direct:
        return []
    ids = ", ".join(map(str, direct[:CLOSURE_SHOWN])) + (" …" if len(direct) > CLOSURE_SHOWN else "")
    indirect = len(movable) - len(direct)
    more = f", and with them {counted(indirect, 'contact')} whom their own relations name" if indirect else ""
    return ["", f"More key relations would survive if these contacts came along: {ids}{more}."]


def _make_manifest(
    context: TransferContext, staged: StagedPlan, records: pd.DataFrame | None = None, agrees: bool | None = None
) -> Manifest:
    """The manifest as planned or, with ``records`` and ``agrees``, as it turned out."""
    found = transfers.find(context.ledger, context.request.run_id)
    contacts = _contacts(staged)
    return Manifest(
        transfer_id=context.request.run_id,
        status=found.status if found is not None else "dry run",
        facts=_facts(context, staged, found),
        records=staged.plan.manifest if records is None else records,
        contacts=contacts,
        fields=staged.plan.fields,
        closure=_closure(staged.plan.closure, contacts),
        findings=staged.findings,
        **({} if agrees is None else {"groups": _groups(context)}),
        planned_at=found.planned_at if found is not None else None,
        ended=_ended(found),
        agrees=agrees,
    )


def _facts(context: TransferContext, staged: StagedPlan, found: Transfer | None) -> dict[str, str]:
    request = context.request
    whom = f"set {request.set_id}" if request.set_id is not None else f"{len(request.contact_ids)} named contacts"
    facts = {
        "From": staged.office(0),
        "To": staged.office(1),
        "Asked for by": asked_by(request.requested_by, request.triggered_by),
        "Received by": request.receiving_user,
        "Moves": whom + (", with related contacts" if request.add_related else ""),
    }
    if found is not None and found.planned_at is not None:
        facts["Planned (UTC)"] = f"{found.planned_at:%Y-%m-%d %H:%M}"
        facts["To be accepted until (UTC)"] = f"{found.planned_at + request.accept_within:%Y-%m-%d %H:%M}"
    if found is not None and found.answered_at is not None:
        by = f" by {found.answered_by}" if found.answered_by else ""
        facts["Answered (UTC)"] = f"{found.answered_at:%Y-%m-%d %H:%M}{by}"
    if found is not None and found.why:
        facts["Why"] = found.why
    return facts


def _ended(found: Transfer | None) -> str | None:
    if found is None:
        return "This was a dry run: nobody was asked, and nothing was moved."
    ending = ENDINGS.get(found.status)
    return None if ending is None else ending.format(who=found.answered_by or "Somebody")


def _contacts(staged: StagedPlan) -> pd.DataFrame:
    """contact_id, name, kind of every contact that the manifest can name."""
    own, others = staged.contacts, staged.people
    names = own["business_name"].where(own["business_name"].notna() & (_full_names(own) == ""), _full_names(own))
    kinds = own["subsystem_type"].fillna("").where(own["contact_type"].isna(), own["contact_type"])
    mine = pd.DataFrame({"contact_id": own["contact_id"], "name": names.fillna(""), "kind": kinds})
    rest = pd.DataFrame({"contact_id": others["contact_id"], "name": _full_names(others), "kind": ""})
    everybody = pd.concat([mine, rest], ignore_index=True).drop_duplicates("contact_id")
    return everybody.astype({"name": "str", "kind": "str"})


def _full_names(people: pd.DataFrame) -> pd.Series[str]:
    names: pd.Series[str] = people["first_name"].fillna("").str.cat(people["last_name"].fillna(""), sep=" ").str.strip()
    return names


def _closure(closure: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """`Manifest.closure`."""
    direct, needed_by = closure["is_direct"].astype(bool), closure["needed_by"].astype("str")
    because = ("contact " + needed_by + " names them").where(
        direct, "related to somebody whom contact " + needed_by + " names"
    )
    because = because.where(closure["can_move"].astype(bool), because + "; cannot be moved from this office")
    names = closure["contact_id"].map(contacts.set_index("contact_id")["name"]).fillna("")
    made = {"contact_id": closure["contact_id"], "name": names.astype("str"), "because": because.astype("str")}
    return pd.DataFrame({**made, "is_direct": direct}).sort_values(
        ["is_direct", "contact_id"], ascending=[False, True], ignore_index=True
    )


def _groups(context: TransferContext) -> pd.DataFrame:
    """`Manifest.groups`."""
    groups = transfers.read_groups(context.ledger, context.request.run_id)
    record = groups["entity"].fillna("") + " " + groups["entity_id"].fillna("")
    why = groups["rule_id"].fillna("") + ": " + groups["why"].fillna("") + " (" + record + ")"
    return pd.DataFrame({"group": groups["group_no"].astype("str"), "status": groups["status"], "why": why})


def _headline(made: Manifest, stopped: str | None) -> tuple[str, ...]:
    """What moves or moved, what stopped it, how it ended."""
    moving = counted(made.count("contact", "move"), "contact")
    moves = "moved" if made.has_moved else "would move"
    lines = (
        f"{moving} {moves} from {made.facts['From']} to {made.facts['To']}.",
        f"The run was stopped: {stopped}" if stopped else None,
        made.ended,
    )
    return tuple(filter(None, lines))


def _steps(
    context: TransferContext, findings: pd.DataFrame, closed: Mapping[str, Any] | None, stopped: str | None
) -> tuple[Step, ...]:
    """What people are to do next."""
    units = findings.groupby("severity")["unit_key"].nunique()
    held, warned = int(units.get("critical", 0)), int(units.get("warning", 0))
    steps = []
    if closed is None:
        what = "Answer the required action: accept all, accept some contacts, or reject."
        why = "The transfer waits for it; nothing has changed until then."
        steps.append(Step(context.request.receiving_user, what, why, "what-happened"))
    if stopped:
        what = "Mend what stopped the run, and start another transfer."
        steps.append(Step("The operator", what, stopped, "what-happened"))
    if held:
        why = "They stay in the source office until it is mended."
        steps.append(Step("Data stewards", f"Mend what holds {counted(held, 'contact')} back.", why, "by-household"))
    if warned:
        why = "They move, but something stays behind: manifest.html lists it record by record."
        what = f"Look through the warnings of {counted(warned, 'contact')}."
        steps.append(Step("Both offices", what, why, "by-rule"))
    return tuple(steps)


def _labels(staged: StagedPlan, made: Manifest) -> pd.DataFrame:
    """`RunReport.labels` of the contacts, and of the transfer itself."""
    own = made.contacts[made.contacts["contact_id"].isin(staged.contacts["contact_id"])]
    labels = pd.DataFrame(
        {
            "unit_key": [contact_key(int(one)) for one in own["contact_id"]],
            "household_name": own["name"],
            "head_name": "",
            "office_name": staged.office(0),
            "assigned_user": "",
        }
    )
    whole = pd.DataFrame([[TRANSFER, "The transfer as a whole", "", staged.office(1), ""]], columns=labels.columns)
    return pd.concat([whole, labels], ignore_index=True)
