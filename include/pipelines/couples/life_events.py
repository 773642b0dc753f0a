"""LIFE-EVENT: a couple that differs from the couple at the vendor. It is held at both vendors until a person confirms.

A run by hand with a reason (``confirm_life_event``) lets the unit through: the table ``events`` of ``verdict/<vendor>``
holds the event, and the load applies it. Events that are held, and events that were confirmed, are reported with a
proposal: where each person goes, and which accounts and policies have no clear owner.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from etl.frames import are_among, each_row
from etl.load.ledger import runs
from etl.load.ledger.life_events import LifeEvent
from etl.load.life_event import find_event
from etl.narrowing import narrow
from etl.outcomes import DONE
from include.pipelines.couples.former import HOLDERS
from include.pipelines.couples.former import STAGE as FORMER
from include.pipelines.couples.proposals import conf_of, propose
from include.pipelines.identity.link_ownership import links_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import as_findings, name_defects, unit_finding
from include.pipelines.run.shards import read_decisions, read_shards, shard_name
from include.report.run.proposals import Proposal

PEOPLE_FRAMES = ("contacts", "client_of", "accounts", "liabilities", "policies", "beneficiaries")
PROPOSALS = "proposals"
RULE = "LIFE-EVENT"
WIDOWED_STATUSES = ("widowed", "widow", "widower")
# The table of confirmed events; ``event``: JSON.
EVENT_COLUMNS = ("unit_key", "event")
NO_EVENTS = pd.DataFrame({name: pd.Series(dtype="str") for name in EVENT_COLUMNS})


@dataclass(frozen=True)
class LifeEvents:
    """``findings`` hold their units; ``confirmed`` (`EVENT_COLUMNS`) go; ``proposals`` of both, for the report.

    ``failed`` (unit_key, reason): units whose event could not be determined.
    """

    findings: pd.DataFrame
    confirmed: pd.DataFrame
    proposals: list[Proposal]
    failed: pd.DataFrame


def find_life_events(
    context: RunContext, vendor: str, decisions: pd.DataFrame, gate_findings: pd.DataFrame
) -> LifeEvents:
    """Compares with what was last sent: another head, a head who died, another spouse, or no spouse any more."""
    hand = context.request.by_hand
    reason = hand.what.life_event if hand else None
    units = decisions[["unit_key", "client_contact_id"]]
    linked = links_of(context, vendor, units, of_these_alone=hand is not None)
    dead = gate_findings.loc[gate_findings["rule_id"] == "HH-DECEASED-HEAD", "unit_key"]
    pairs = _other_couples(decisions, linked, set(dead))
    found, confirmed, proposals = [], [], []
    frames_of = {shard: _frames_of(context, int(shard)) for shard in pairs["shard"].unique()}
    rows = {row.unit_key: row for row in each_row(pairs)}
    looked_at = narrow(list(rows), lambda keys: [_happened(vendor, rows[key], frames_of) for key in keys])
    for row, event, proposal in (one for part in looked_at.results for one in part if one is not None):
        is_confirmed = reason is not None and row.decision == "send"
        proposal = replace(proposal, is_confirmed=is_confirmed, reason=(reason or "") if is_confirmed else "")
        proposals.append(proposal)
        if is_confirmed:
            confirmed.append((row.unit_key, json.dumps(asdict(event))))
        else:
            found.append(unit_finding(context, RULE, vendor, row.unit_key, proposal.in_short))
    found += _held_by_others(context, vendor, decisions)
    events = pd.DataFrame(confirmed, columns=list(EVENT_COLUMNS), dtype="str")
    failed = name_defects(f"life events {vendor}", looked_at)
    return LifeEvents(as_findings(found), events, proposals, failed)


def _happened(
    vendor: str, row: Any, frames_of: Mapping[Any, dict[str, pd.DataFrame]]
) -> tuple[Any, LifeEvent, Proposal] | None:
    """The event of one couple that differs, with a proposal; None where nothing happened."""
    frames = frames_of[row.shard]
    event = _event_of(row, frames)
    return None if event is None else (row, event, propose(vendor, row.unit_key, event, frames))


def _event_of(row: Any, frames: dict[str, pd.DataFrame]) -> LifeEvent | None:
    return find_event(
        (_id(row.client_contact_id_sent), _id(row.spouse_contact_id_sent)),
        (_id(row.client_contact_id), _id(row.spouse_contact_id)),
        _died(frames),
        _is_widowed(frames, _id(row.client_contact_id)),
    )


def find_parted(context: RunContext, vendor: str) -> list[int]:
    """The contacts who have left the unit of a run by hand, by its document, before the document is checked."""
    heads, frames = read_shards(context, vendor, [0], "heads"), _frames_of(context, 0)
    linked = links_of(context, vendor, heads[["unit_key", "client_contact_id"]], of_these_alone=True)
    dead = heads.loc[heads["client_contact_id"].isin(list(_died(frames))), "unit_key"]
    events = (_event_of(row, frames) for row in each_row(_other_couples(heads, linked, set(dead))))
    return [contact_id for event in events if event is not None for contact_id in event.parted]


def read_confirmed(context: RunContext, vendor: str) -> dict[str, LifeEvent]:
    """unit key -> event, of the units whose event a person has confirmed in this run."""
    if context.request.by_hand is None:
        return {}
    events = context.staging.read(f"verdict/{vendor}", ["events"])["events"]
    return {row.unit_key: LifeEvent(**json.loads(row.event)) for row in each_row(events)}


def stage_proposals(context: RunContext, vendor: str, proposals: list[Proposal]) -> None:
    """Stages the proposals for the report, if there are any."""
    if proposals:
        texts = [json.dumps(one.as_json()) for one in proposals]
        context.staging.write(f"{PROPOSALS}/{vendor}", {"proposals": pd.DataFrame({"proposal": texts})})


def read_proposals(context: RunContext) -> list[Proposal]:
    """The proposals of both vendors; a confirmed one names the former partners who are still to be run."""
    texts = [context.staging.read(stage)["proposals"]["proposal"] for stage in context.staging.stages(PROPOSALS)]
    proposals = [Proposal.from_json(json.loads(text)) for part in texts for text in part]
    return [replace(one, then=_then(context, one)) if one.is_confirmed else one for one in proposals]


def _then(context: RunContext, proposal: Proposal) -> tuple[str, ...]:
    """The runs for former partners who did not go along, or went along and failed: no later run takes them."""
    vendor = proposal.vendor
    outcomes = runs.read_outcomes(context.ledger, context.request.run_id, vendor)
    through = {proposal.unit_key, *outcomes.loc[outcomes["outcome"].isin(DONE), "unit_key"]}
    decisions = read_decisions(context, vendor)
    left = decisions.loc[~decisions["unit_key"].isin(through), "client_contact_id"].dropna()
    return (*proposal.then, *(conf_of(vendor, int(contact_id)) for contact_id in left))


def _other_couples(decisions: pd.DataFrame, linked: pd.DataFrame, dead_heads: set[str]) -> pd.DataFrame:
    """The rows of ``decisions`` whose couple differs from the one last sent (``…_sent``), or whose head has died."""
    linked = linked[["unit_key", "client_contact_id", "spouse_contact_id"]]
    pairs = decisions.merge(linked, on="unit_key", suffixes=("", "_sent"))
    client, client_sent = pairs["client_contact_id"], pairs["client_contact_id_sent"]
    known = client.notna() & client_sent.notna()
    other_head = (client != client_sent).fillna(False)
    other_spouse = pairs["spouse_contact_id_sent"].notna() & pairs["payload_hash"].notna()
    other_spouse &= ~(pairs["spouse_contact_id"] == pairs["spouse_contact_id_sent"]).fillna(False)
    chosen = known & (other_head | other_spouse | are_among(pairs["unit_key"], dead_heads))
    return pairs[chosen.to_numpy(dtype=bool)]


def _frames_of(context: RunContext, shard: int) -> dict[str, pd.DataFrame]:
    """The frames of a shard about people and what they own, with the people who are not in it any more."""
    frames = context.staging.read(shard_name("source", shard), (*PEOPLE_FRAMES, "members"))
    if not context.staging.has(FORMER):
        return frames
    former = context.staging.read(FORMER)
    return frames | {
        name: pd.concat([frames[name], former[name]], ignore_index=True).drop_duplicates(ignore_index=True)
        for name in PEOPLE_FRAMES
    }


def _died(frames: dict[str, pd.DataFrame]) -> set[int]:
    contacts = frames["contacts"]
    return set(contacts.loc[contacts["is_deceased"].astype(bool), "contact_id"])


def _is_widowed(frames: dict[str, pd.DataFrame], client: int | None) -> bool:
    """Whether the CRM calls the head widowed: it may not have the spouse any more."""
    contacts = frames["contacts"]
    statuses = contacts.loc[contacts["contact_id"] == client, "marital_status"].dropna()
    return bool(statuses.str.strip().str.lower().isin(WIDOWED_STATUSES).any())


def _held_by_others(context: RunContext, vendor: str, decisions: pd.DataFrame) -> list[dict[str, Any]]:
    """Findings about contacts who stand in the record of a household at eMoney whose event is not confirmed."""
    if vendor != "emoney" or not context.staging.has(HOLDERS):
        return []
    holders = context.staging.read(HOLDERS)["holders"]
    then = {
        "client": "then the record is this contact's own.",
        "spouse": "then this contact gets a record. Or mend in SmartOffice who the couple is.",
    }
    words = (
        "Contact {0} is still the {1} of {2}'s record at eMoney. Run {2} by hand and confirm what has happened there: "
    )
    return [
        unit_finding(
            context,
            RULE,
            vendor,
            row.unit_key,
            words.format(row.client_contact_id, row.role, row.holder) + then[row.role],
        )
        for row in each_row(holders[are_among(holders["unit_key"], decisions["unit_key"])])
    ]


def _id(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
