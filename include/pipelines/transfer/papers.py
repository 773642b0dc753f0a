"""The manifest's documents, and the required action's words: made of a plan, and again of what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.transform.transfers import TransferPlan
from include.pipelines.transfer.context import TransferContext
from include.report.display import asked_by, counted
from include.report.manifest.files import write_manifest
from include.report.manifest.model import DECISIONS, ENTITY_WORDS, Manifest

# How a transfer ended, as people are told; ``{who}`` is whoever answered.
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
CLOSURE_TOLD = 30
_DECISION_WORDS = {"move": "would move", "recreate": "would be made anew", "stay": "would stay"}


@dataclass(frozen=True)
class Papers:
    """A plan with what its documents need: who everybody is, and what the checks found."""

    plan: TransferPlan
    findings: pd.DataFrame
    contacts: pd.DataFrame  # the source's rows of the set
    people: pd.DataFrame  # contact_id, first_name, last_name of everybody whom the rows name
    offices: pd.DataFrame  # office_id, name: source, target

    def office(self, place: int) -> str:
        """An office's name and number."""
        row = self.offices.iloc[place]
        return f"{row['name']} (office {row['office_id']})"


def write(context: TransferContext, made: Manifest) -> Path:
    """Writes manifest.html, .csv, .xlsx and .json into the run's report; gives the page's path."""
    return write_manifest(context.reports, made)


def make_manifest(
    context: TransferContext,
    papers: Papers,
    records: pd.DataFrame | None = None,
    agrees: bool | None = None,
) -> Manifest:
    """The manifest as it is planned, or, with ``records`` and ``agrees``, as it turned out."""
    request = context.request
    found = transfers.find(context.ledger, request.run_id)
    planned = papers.plan.manifest
    groups = _groups(context) if agrees is not None else None
    return Manifest(
        transfer_id=request.run_id,
        status=found.status if found is not None else "dry run",
        facts=_facts(context, papers, found),
        records=planned if records is None else records,
        contacts=_contacts(papers),
        fields=papers.plan.fields,
        closure=_closure(papers),
        findings=papers.findings,
        **({} if groups is None else {"groups": groups}),
        planned_at=found.planned_at if found is not None else None,
        ended=_ended(found),
        agrees=agrees,
    )


def question(context: TransferContext, papers: Papers) -> tuple[str, str]:
    """The required action's subject and body (Markdown). Ids and counts alone: it is kept in Airflow's database."""
    request, planned = context.request, papers.plan
    moving = len(planned.groups)
    subject = f"Accept {counted(moving, 'contact')} from {papers.office(0)}"
    held = papers.findings.loc[
        (papers.findings["severity"] == "critical") & (papers.findings["entity"] == "contact"), "entity_id"
    ].nunique()
    lines = [
        f"**{asked_by(request.requested_by, request.triggered_by)}** asks **{request.receiving_user}** to accept "
        f"{counted(moving, 'contact')} into {papers.office(1)}.",
        "",
        *_count_table(planned.manifest),
        "",
        f"Left behind by rule: {_by_rule(planned.manifest)}.",
    ]
    if held:
        lines += ["", f"Held back by the checks, with whoever is tied to them: {counted(held, 'contact')}."]
    lines += _closure_lines(planned.closure)
    lines += [
        "",
        f"Every record, with names: `{context.reports / 'manifest.html'}`.",
        "",
        "*Accept* moves all that the manifest lists as moving, or only the contacts that you name. *Reject* ends the "
        "transfer with nothing changed; so does no answer.",
    ]
    return subject, "\n".join(lines)


def _count_table(records: pd.DataFrame) -> list[str]:
    counts = pd.crosstab(records["entity"], records["decision"])
    decisions = [decision for decision in DECISIONS if decision in counts.columns]
    lines = [
        f"| | {' | '.join(_DECISION_WORDS[decision] for decision in decisions)} |",
        "|---" * (len(decisions) + 1) + "|",
    ]
    for entity in (one for one in ENTITY_WORDS if one in counts.index):
        cells = " | ".join(f"{counts[decision][entity]:,}" for decision in decisions)
        lines.append(f"| {ENTITY_WORDS[entity]} | {cells} |")
    return lines


def _by_rule(records: pd.DataFrame) -> str:
    staying = records.loc[records["decision"] == "stay", "rule_id"].value_counts()
    return ", ".join(f"{rule_id} {count:,}" for rule_id, count in staying.items()) or "nothing"


def _closure_lines(closure: pd.DataFrame) -> list[str]:
    movable = closure[closure["can_move"].astype(bool)]
    direct = movable.loc[movable["is_direct"].astype(bool), "contact_id"].astype("int64").tolist()
    if not direct:
        return []
    ids = ", ".join(map(str, direct[:CLOSURE_TOLD])) + (" …" if len(direct) > CLOSURE_TOLD else "")
    indirect = len(movable) - len(direct)
    more = f", and with them {counted(indirect, 'contact')} whom their own relations name" if indirect else ""
    return ["", f"More key relations would survive if these contacts came along: {ids}{more}."]


def _groups(context: TransferContext) -> pd.DataFrame:
    groups = transfers.read_groups(context.ledger, context.request.run_id)
    record = groups["entity"].fillna("") + " " + groups["entity_id"].fillna("")
    why = groups["rule_id"].fillna("") + ": " + groups["why"].fillna("") + " (" + record + ")"
    return pd.DataFrame({"group": groups["group_no"].astype("str"), "status": groups["status"], "why": why})


def _contacts(papers: Papers) -> pd.DataFrame:
    """contact_id, name, kind of everybody whom the manifest can name."""
    own = papers.contacts
    persons = own["first_name"].fillna("").str.cat(own["last_name"].fillna(""), sep=" ").str.strip()
    names = own["business_name"].where(own["business_name"].notna() & (persons == ""), persons).fillna("")
    kind = own["subsystem_type"].fillna("").where(own["contact_type"].isna(), own["contact_type"])
    mine = pd.DataFrame({"contact_id": own["contact_id"], "name": names, "kind": kind})
    others = papers.people
    named = others["first_name"].fillna("").str.cat(others["last_name"].fillna(""), sep=" ").str.strip()
    rest = pd.DataFrame({"contact_id": others["contact_id"], "name": named, "kind": ""})
    return (
        pd.concat([mine, rest], ignore_index=True).drop_duplicates("contact_id").astype({"name": "str", "kind": "str"})
    )


def _closure(papers: Papers) -> pd.DataFrame:
    closure = papers.plan.closure
    names = _contacts(papers).set_index("contact_id")["name"]
    direct = closure["is_direct"].astype(bool)
    because = ("contact " + closure["needed_by"].astype("str") + " names them").where(
        direct, "related to somebody whom contact " + closure["needed_by"].astype("str") + " names"
    )
    because = because.where(closure["can_move"].astype(bool), because + "; cannot be moved from this office")
    return pd.DataFrame(
        {
            "contact_id": closure["contact_id"],
            "name": closure["contact_id"].map(names).fillna("").astype("str"),
            "because": because.astype("str"),
            "is_direct": direct,
        }
    ).sort_values(["is_direct", "contact_id"], ascending=[False, True], ignore_index=True)


def _facts(context: TransferContext, papers: Papers, found: Transfer | None) -> dict[str, str]:
    request = context.request
    whom = f"set {request.set_id}" if request.set_id is not None else f"{len(request.contact_ids)} named contacts"
    facts = {
        "From": papers.office(0),
        "To": papers.office(1),
        "Asked for by": asked_by(request.requested_by, request.triggered_by),
        "Received by": request.receiving_user,
        "Moves": whom + (", with related contacts" if request.add_related else ""),
    }
    if found is not None and found.planned_at is not None:
        facts["Planned (UTC)"] = f"{found.planned_at:%Y-%m-%d %H:%M}"
        facts["To be accepted until (UTC)"] = f"{found.planned_at + request.accept_within:%Y-%m-%d %H:%M}"
    if found is not None and found.answered_at is not None:
        facts["Answered (UTC)"] = f"{found.answered_at:%Y-%m-%d %H:%M}" + (
            f" by {found.answered_by}" if found.answered_by else ""
        )
    if found is not None and found.why:
        facts["Why"] = found.why
    return facts


def _ended(found: Transfer | None) -> str | None:
    if found is None:
        return "This was a dry run: nobody was asked, and nothing was moved."
    told = ENDINGS.get(found.status)
    return None if told is None else told.format(who=found.answered_by or "Somebody")
