"""The values of one eMoney client in a run by hand: refreshed at once, with the links that were asked for (EMY-LINK).

The run also lists everything that waits to be linked (EMY-NEW).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pandas as pd

from etl.errors import Gone, ParamsError, SetAside, StopRun, VendorUnavailable
from etl.load.delivery import attempt, household_lock
from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.feed import Ended, Refreshed, send_feeds, settle_feeds
from etl.load.emoney.responses import Link, LinkResult
from etl.load.job import Job, LoadFinding
from etl.load.ledger import changes, findings, intents, links, runs
from etl.load.ledger.changes import Change
from etl.load.ledger.feeds import KEY_LISTS, Line
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


def wanted_links(context: RunContext, job: Job, number: int, staged: pd.DataFrame) -> list[Link]:
    """The links that a person asked for; where no classification or owner was given, by the category rules.

    Raises `ParamsError` for a source key that is none of the unit's, and for one that no rule classifies: before
    anything is written.
    """
    asked = job.by_hand.links if job.by_hand is not None else ()
    if not asked or staged.empty:
        return []
    (unit_key,) = staged["unit_key"]
    listed = proposed_links(context, [shard_name("emoney", number)])
    proposed = {key: one for (unit, key), one in listed.items() if unit == unit_key}
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


@dataclass
class RefreshByHand:
    """The values and links of one client in a run by hand, and what came of them.

    ``staged``: the document of the unit, or none; ``outcomes``: unit key -> outcome so far; ``wanted``: `wanted_links`.
    ``has_linked``: the run has linked an item; ``lacks_values``: a linked item has no values yet.
    """

    context: RunContext
    job: Job
    client: EmoneyClient
    shard: int
    staged: pd.DataFrame
    outcomes: dict[str, str]
    wanted: list[Link]
    refreshed: Refreshed = field(default_factory=Refreshed)
    words: list[str] = field(default_factory=list)
    decisions: list[Change] = field(default_factory=list)
    found: list[LoadFinding] = field(default_factory=list)
    has_linked: bool = False
    lacks_values: bool = False

    def run(self) -> dict[str, str]:
        """Refreshes the values and makes the links; gives the outcomes that change. Raises `StopRun`."""
        if self.staged.empty or not self.staged["unit_key"].map(self.outcomes).isin(DONE).all():
            return {}
        job, refreshed, unit_key = self.job, self.refreshed, self.unit_key
        with household_lock(job, "emoney", unit_key) as held:
            try:
                if held:
                    self._refresh()
                    self._list_waiting()
                else:
                    refreshed.put("deferred", "another run is writing this household now", self._lines())
            except Gone as error:
                refreshed.hold_as_gone(unit_key, error)
            except (SetAside, VendorUnavailable) as error:
                refreshed.units[unit_key] = Ended("deferred", str(error))
            except StopRun as error:
                save_outcomes(job, self.outcomes, Refreshed({unit_key: Ended("failed", str(error))}))
                raise
        found = [*refreshed.findings, *((unit_key, one) for one in self.found)]
        findings.save_load_findings(job.ledger, job.run_id, "emoney", found)
        changes.save_changes(job.ledger, job.run_id, "emoney", ((unit_key, one) for one in self.decisions))
        ended = save_outcomes(job, self.outcomes, refreshed)
        return ended | self._save_links(ended.get(unit_key, self.outcomes[unit_key]))

    @property
    def unit_key(self) -> str:
        """The unit of the run."""
        return str(self.staged["unit_key"].iloc[0])

    def _lines(self, again: bool = False) -> list[Line]:
        return lines_of(self.job, self.staged, self.outcomes, again=again)

    def _refresh(self) -> None:
        """Sends the values, makes the links, then sends the linked items' values: a link alone brings none."""
        deadline = self.context.settings.emoney.feed_deadline_seconds
        if self.job.dry_run:
            self._add_feed(preview_values(self.job, self.staged, self.outcomes))
        else:
            self._add_feed(settle_feeds(self.client, self.job, self.unit_key))
            self._add_feed(send_feeds(self.client, self.job, self._lines(), deadline))
        link = links.find_link(self.job.ledger, "emoney", self.unit_key)
        if link is not None and self.wanted:
            self._link(link.vendor_client_id)
        elif self.job.dry_run:
            for one in self.wanted:
                self._add_link(one.source_key, "linked", f"{one.classification}, {one.owner}", one.classification)
        if self.lacks_values and not self.job.dry_run:
            self._add_feed(send_feeds(self.client, self.job, self._lines(again=True), deadline))

    def _add_feed(self, more: Refreshed) -> None:
        """Adds the results of a feed; "updated" wins over "refreshed"."""
        for unit_key, ended in more.units.items():
            if ended.status != "refreshed" or unit_key not in self.refreshed.units:
                self.refreshed.units[unit_key] = ended
        self.refreshed.findings += more.findings

    def _add_link(self, key: str, decision: str, detail: str, value: str | None = None) -> None:
        """Adds the result of one link; a link that was not made is a finding, too."""
        self.words.append(f"{key} {decision} ({detail})")
        self.decisions.append(Change(f"items[{key}]", decision, None, value))
        if decision == "not linked":
            entity, _, entity_id = key.partition(":")
            self.found.append(LoadFinding("EMY-LINK", entity, entity_id, None, detail))

    def _link(self, client_id: str) -> None:
        """Links the items that eMoney lists as available, and adds the result of each."""
        available = {one.source_key for one in self.client.accounts(client_id, "available")}
        linked = {one.source_key: one for one in self.client.accounts(client_id, "linked")}
        mine = self._linked_before()
        for one in self.wanted:
            if one.source_key in linked:
                before = linked[one.source_key]
                decision = "linked" if one.source_key in mine else "linked already"
                self._add_link(one.source_key, decision, before.classification or "without a classification")
                self.has_linked |= one.source_key in mine
                self.lacks_values |= before.last_refreshed_at is None
            elif one.source_key not in available:
                self._add_link(one.source_key, "not linked", "eMoney does not list it as available")
        chosen = [one for one in self.wanted if one.source_key in available]
        results = {result.source_key: result for result in self._send(client_id, chosen)}
        for one in chosen:
            result = results.get(one.source_key)
            if result is not None and result.status == 400:
                self._add_link(one.source_key, "not linked", result.code or "refused")
            elif result is not None and result.status == 409:
                self._add_link(one.source_key, "linked already", one.classification)
            else:
                self._add_link(one.source_key, "linked", f"{one.classification}, {one.owner}", one.classification)
                self.has_linked = self.lacks_values = True

    def _send(self, client_id: str, chosen: list[Link]) -> tuple[LinkResult, ...]:
        """One call for all items; an intent, like every write: its end is in the ledger before it is reported."""
        job = self.job
        if not chosen or job.dry_run:
            return ()
        keys = [one.source_key for one in chosen]
        digest = hashlib.sha256(" ".join(keys).encode()).hexdigest()
        intent = intents.begin(job.ledger, "emoney", self.unit_key, STEP, digest, keys, job.as_of, job.run_id)

        def confirm(results: tuple[LinkResult, ...]) -> tuple[LinkResult, ...]:
            is_linked = any(one.status == 201 for one in results)
            intents.mark(job.ledger, intent, "confirmed" if is_linked else "refused")
            return results

        return attempt(job, intent, lambda: self.client.link(client_id, chosen), confirm, tries=1)

    def _linked_before(self) -> set[str]:
        """The items that an earlier try of this run has asked eMoney to link."""
        mine = intents.intents_of(self.job.ledger, "emoney", self.job.run_id, BEGUN, self.unit_key)
        return {key for intent in mine if intent.step == STEP for key in intent.values}

    def _list_waiting(self) -> None:
        """EMY-NEW: the items of the CRM that eMoney lists as available, with the proposal of the category rules.

        An item that was known to wait and is not listed any more has been linked by an advisor.
        """
        ledger, unit_key = self.job.ledger, self.unit_key
        link = links.find_link(ledger, "emoney", unit_key)
        if link is None:
            return
        proposed = proposed_links(self.context, [shard_name("emoney", self.shard)])
        in_crm = [key for column in KEY_LISTS for keys in self.staged[column] for key in keys.split()]
        listed = {one.source_key for one in self.client.accounts(link.vendor_client_id, "available")}
        for key in in_crm:
            if key in listed:
                entity, _, entity_id = key.partition(":")
                words = proposal_in_words(key, *proposed.get((unit_key, key), (None, None)))
                self.found.append(LoadFinding("EMY-NEW", entity, entity_id, None, words))
        known = findings.waiting_items(ledger, [unit_key]).get(unit_key, set())
        now = rekeying.current_keys(ledger, in_crm)
        decided = {change.field for change in self.decisions}
        linked = [f"items[{key}]" for key in in_crm if key not in listed and now.get(key, key) in known]
        self.decisions += [Change(name, "linked_by_advisor") for name in linked if name not in decided]

    def _save_links(self, outcome: str) -> dict[str, str]:
        """Adds the results of the links to the outcome; a new link is an update."""
        if not self.words:
            return {}
        ledger, run_id, unit_key = self.job.ledger, self.job.run_id, self.unit_key
        rows = runs.read_outcomes(ledger, run_id, "emoney").set_index("unit_key").astype(object)
        before = rows.where(rows.notna(), None).to_dict("index").get(unit_key, {})
        words = "; ".join([*filter(None, [before.get("reason")]), *self.words])[:1000]
        outcome = "updated" if self.has_linked and outcome == "unchanged" else outcome
        ended = Outcome("emoney", unit_key, outcome, words, before.get("vendor_id"), before.get("code"))
        runs.save_outcomes(ledger, run_id, [ended])
        return {unit_key: outcome}
