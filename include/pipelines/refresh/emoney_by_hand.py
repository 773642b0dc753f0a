"""The values of one eMoney client in a run by hand: refreshed at once, with the links that were asked for (EMY-LINK).

The run also lists everything that waits to be linked (EMY-NEW).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from etl.errors import Gone, InDoubt, ParamsError, SetAside, StopRun, VendorUnavailable
from etl.load.delivery import Job, LoadFinding, household_lock
from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.feed import Ended, Refreshed, send_feeds, settle_feeds
from etl.load.emoney.responses import Link, LinkResult
from etl.load.ledger import changes, findings, intents, links, runs
from etl.load.ledger.changes import Change
from etl.load.ledger.feeds import KEY_LISTS
from etl.load.ledger.links import Link as LedgerLink
from etl.load.ledger.runs import Outcome
from etl.load.ledger.transfers import rekeying
from etl.outcomes import DONE
from include.pipelines.refresh.emoney_values import (
    lines_of,
    preview_values,
    proposal_in_words,
    proposed_links,
    save_outcomes,
)
from include.pipelines.run.context import RunContext
from include.pipelines.run.shards import shard_name

STEP = "link_items"
BEGUN = ("sending", "in_doubt", "confirmed", "abandoned")


@dataclass
class _Linking:
    """The results of the links, as words, decisions and findings.

    ``has_linked``: the run has linked something; ``lacks_values``: a linked item has no values yet.
    """

    words: list[str] = field(default_factory=list)
    decisions: list[Change] = field(default_factory=list)
    found: list[LoadFinding] = field(default_factory=list)
    has_linked: bool = False
    lacks_values: bool = False

    def add(self, key: str, decision: str, detail: str, value: str | None = None) -> None:
        """Adds the result of one link; a link that was not made is a finding, too."""
        self.words.append(f"{key} {decision} ({detail})")
        self.decisions.append(Change(f"items[{key}]", decision, None, value))
        if decision == "not linked":
            entity, _, entity_id = key.partition(":")
            self.found.append(LoadFinding("EMY-LINK", entity, entity_id, None, detail))


def wanted_links(context: RunContext, job: Job, number: int, staged: pd.DataFrame) -> list[Link]:
    """The links that a person asked for; where no classification or owner was given, by the category rules.

    Raises `ParamsError` for a source key that is none of the unit's, and for one that no rule classifies: before
    anything is written.
    """
    asked = job.by_hand.links if job.by_hand is not None else ()
    if not asked or staged.empty:
        return []
    (unit_key,) = staged["unit_key"]
    proposed = {key: one for (unit, key), one in _proposed(context, number).items() if unit == unit_key}
    # After a transfer eMoney knows a record by the key that it had before.
    names = rekeying.known_names(context.ledger)
    wanted: list[Link] = []
    for one in asked:
        key = names.get(one.source_key, one.source_key)
        if key not in proposed:
            known = ", ".join(sorted(proposed)) or "nothing"
            raise ParamsError(
                f"links: {one.source_key} is no account or policy of {unit_key} that goes to eMoney; what goes: {known}"
            )
        if any(before.source_key == key for before in wanted):
            raise ParamsError(f"links: {one.source_key} is named twice.")
        category, owner = proposed[key]
        classification = one.classification or category
        if classification is None:
            raise ParamsError(f"links: no rule classifies {one.source_key}: give its classification.")
        wanted.append(Link(key, classification, one.owner or owner or "client"))
    return wanted


def refresh_by_hand(
    context: RunContext,
    job: Job,
    client: EmoneyClient,
    number: int,
    staged: pd.DataFrame,
    outcomes: dict[str, str],
    wanted: list[Link],
) -> dict[str, str]:
    """Refreshes the values of the unit and makes the links ``wanted``; gives the outcomes that change."""
    if staged.empty or not staged["unit_key"].map(outcomes).isin(DONE).all():
        return {}
    (unit_key,) = staged["unit_key"]
    refreshed, linking = Refreshed(), _Linking()
    with household_lock(job, "emoney", unit_key) as held:
        if not held:
            refreshed.put("deferred", "another run is writing this household now", lines_of(job, staged, outcomes))
        else:
            try:
                _refresh(context, job, client, staged, outcomes, wanted, refreshed, linking)
                _list_waiting(client, job, staged, _proposed(context, number), linking)
            except Gone as error:
                refreshed.hold_as_gone(unit_key, error)
            except (SetAside, VendorUnavailable) as error:
                refreshed.units[unit_key] = Ended("deferred", str(error))
            except StopRun as error:
                save_outcomes(job, outcomes, Refreshed({unit_key: Ended("failed", str(error))}))
                raise
    found = [*refreshed.findings, *((unit_key, one) for one in linking.found)]
    findings.save_load_findings(job.ledger, job.run_id, "emoney", found)
    changes.save_changes(job.ledger, job.run_id, "emoney", ((unit_key, one) for one in linking.decisions))
    ended = save_outcomes(job, outcomes, refreshed)
    return ended | _save_links(job, unit_key, ended.get(unit_key, outcomes[unit_key]), linking)


def _refresh(
    context: RunContext,
    job: Job,
    client: EmoneyClient,
    staged: pd.DataFrame,
    outcomes: dict[str, str],
    wanted: list[Link],
    refreshed: Refreshed,
    linking: _Linking,
) -> None:
    """Sends the values, makes the links, then sends the values of the linked items: a link alone brings no values."""
    (unit_key,) = staged["unit_key"]
    deadline = context.settings.emoney.feed_deadline_seconds
    if job.dry_run:
        _add_feed(refreshed, preview_values(job, staged, outcomes))
    else:
        _add_feed(refreshed, settle_feeds(client, job, unit_key))
        _add_feed(refreshed, send_feeds(client, job, lines_of(job, staged, outcomes), deadline))
    link = links.find_link(job.ledger, "emoney", unit_key)
    if wanted and link is None and job.dry_run:
        for one in wanted:
            linking.add(one.source_key, "linked", f"{one.classification}, {one.owner}", one.classification)
    if not wanted or link is None:
        return
    _link(client, job, link, wanted, linking)
    if linking.lacks_values and not job.dry_run:
        _add_feed(refreshed, send_feeds(client, job, lines_of(job, staged, outcomes, again=True), deadline))


def _add_feed(refreshed: Refreshed, more: Refreshed) -> None:
    """Adds the results of another feed; "updated" wins over "refreshed"."""
    for unit_key, ended in more.units.items():
        if ended.status != "refreshed" or unit_key not in refreshed.units:
            refreshed.units[unit_key] = ended
    refreshed.findings += more.findings


def _link(client: EmoneyClient, job: Job, link: LedgerLink, wanted: list[Link], linking: _Linking) -> None:
    """Links the items that eMoney lists as available, and adds the result of each."""
    client_id = link.vendor_client_id
    available = {one.source_key for one in client.accounts(client_id, "available")}
    linked = {one.source_key: one for one in client.accounts(client_id, "linked")}
    mine = _linked_before(job, link)
    for one in wanted:
        if one.source_key in linked:
            before = linked[one.source_key]
            decision = "linked" if one.source_key in mine else "linked already"
            linking.add(one.source_key, decision, before.classification or "without a classification")
            linking.has_linked |= one.source_key in mine
            linking.lacks_values |= before.last_refreshed_at is None
        elif one.source_key not in available:
            linking.add(one.source_key, "not linked", "eMoney does not list it as available")
    chosen = [one for one in wanted if one.source_key in available]
    answers = {result.source_key: result for result in _send(client, job, link, chosen)}
    for one in chosen:
        answer = answers.get(one.source_key)
        if answer is not None and answer.status == 400:
            linking.add(one.source_key, "not linked", answer.code or "refused")
        elif answer is not None and answer.status == 409:
            linking.add(one.source_key, "linked already", one.classification)
        else:
            linking.add(one.source_key, "linked", f"{one.classification}, {one.owner}", one.classification)
            linking.has_linked = linking.lacks_values = True


def _send(client: EmoneyClient, job: Job, link: LedgerLink, chosen: list[Link]) -> tuple[LinkResult, ...]:
    """One call for all items; an intent, like every write: its end is in the ledger before it is reported."""
    if not chosen or job.dry_run:
        return ()
    keys = [one.source_key for one in chosen]
    digest = hashlib.sha256(" ".join(keys).encode()).hexdigest()
    intent = intents.begin(job.ledger, "emoney", link.unit_key, STEP, digest, keys, job.as_of, job.run_id)
    try:
        results = client.link(link.vendor_client_id, chosen)
    except InDoubt:
        intents.mark(job.ledger, intent, "in_doubt")
        raise
    except (SetAside, VendorUnavailable):
        intents.mark(job.ledger, intent, "refused")
        raise
    intents.mark(job.ledger, intent, "confirmed" if any(one.status == 201 for one in results) else "refused")
    return results


def _linked_before(job: Job, link: LedgerLink) -> set[str]:
    """The items that an earlier try of this run has asked eMoney to link."""
    mine = intents.intents_of(job.ledger, "emoney", job.run_id, BEGUN, link.unit_key)
    return {key for intent in mine if intent.step == STEP for key in intent.values}


def _list_waiting(
    client: EmoneyClient, job: Job, staged: pd.DataFrame,
    proposed: Mapping[tuple[str, str], tuple[str | None, str | None]], linking: _Linking,
) -> None:  # fmt: skip
    """EMY-NEW: the items of the CRM that eMoney lists as available, with the proposal of the category rules.

    An item that was known to wait and is not listed any more has been linked by an advisor.
    """
    (unit_key,) = staged["unit_key"]
    link = links.find_link(job.ledger, "emoney", unit_key)
    if link is None:
        return
    in_crm = [key for column in KEY_LISTS for keys in staged[column] for key in keys.split()]
    listed = {one.source_key for one in client.accounts(link.vendor_client_id, "available")}
    for key in in_crm:
        if key in listed:
            entity, _, entity_id = key.partition(":")
            words = proposal_in_words(key, *proposed.get((unit_key, key), (None, None)))
            linking.found.append(LoadFinding("EMY-NEW", entity, entity_id, None, words))
    known = findings.waiting_items(job.ledger, [unit_key]).get(unit_key, set())
    now = rekeying.current_keys(job.ledger, in_crm)
    decided = {change.field for change in linking.decisions}
    linked = [f"items[{key}]" for key in in_crm if key not in listed and now.get(key, key) in known]
    linking.decisions += [Change(name, "linked_by_advisor") for name in linked if name not in decided]


def _save_links(job: Job, unit_key: str, outcome: str, linking: _Linking) -> dict[str, str]:
    """Adds the results of the links to the outcome; a new link is an update."""
    if not linking.words:
        return {}
    rows = runs.read_outcomes(job.ledger, job.run_id, "emoney").set_index("unit_key")
    before = rows.loc[unit_key] if unit_key in rows.index else None
    words = ([] if before is None or pd.isna(before["reason"]) else [str(before["reason"])]) + linking.words
    outcome = "updated" if linking.has_linked and outcome == "unchanged" else outcome
    vendor_id, code = (
        None if before is None or pd.isna(before[name]) else str(before[name]) for name in ("vendor_id", "code")
    )
    ended = Outcome("emoney", unit_key, outcome, "; ".join(words)[:1000], vendor_id, code)
    runs.save_outcomes(job.ledger, job.run_id, [ended])
    return {unit_key: outcome}


def _proposed(context: RunContext, number: int) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    return proposed_links(context, [shard_name("emoney", number)])
