"""eMoney's nightly feed: one line for every connected client, changed or not, once for each ``as_of`` (EMY-REFRESH).

A feed is idempotent by its id, which is a hash of its content: sent twice it changes nothing further. (Content that has
to go again after a feed that failed goes under a numbered id: the vendor processes an id once.) Its lines are in
the ledger before the first byte leaves, so that the result of a feed whose sender died is read back by the next run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import orjson

from etl.defects import note_defect
from etl.errors import Gone, InDoubt, LockLost, Rejected, SetAside, VendorUnavailable
from etl.load.delivery import TRIES, household_lock
from etl.load.emoney.client import EmoneyClient, FeedState
from etl.load.job import Job, LoadFinding, entity_of, set_aside
from etl.load.ledger import changes, feeds, findings, links
from etl.load.ledger.changes import Change
from etl.load.ledger.feeds import Line
from etl.load.ledger.transfers import rekeying
from etl.narrowing import narrow

VENDOR = "emoney"
REFRESH = "EMY-REFRESH"
MOST_LINES = 5_000
# Of so many clients whose line a feed rejected it is asked whether they are there at all.
LOOKED_AT = 20
# Of so many clients it is asked what still waits there, where less does than is known to.
ASKED_AT_MOST = 200
MOST_BYTES = 15 * 1024 * 1024


class Ended(NamedTuple):
    """How a unit's values ended: updated, refreshed, deferred, failed or held; why, in words and as a code."""

    status: str
    reason: str | None = None
    code: str | None = None


@dataclass
class Refreshed:
    """What came of the feeds: outcomes by unit, findings, what is new to link (unit key, client id, source key).

    ``units``: updated (its values are others than were known), refreshed, deferred, failed or held, and why.
    """

    units: dict[str, Ended] = field(default_factory=dict)
    findings: list[tuple[str, LoadFinding]] = field(default_factory=list)
    newly_available: list[tuple[str, str, str]] = field(default_factory=list)

    def put(self, kind: str, reason: str | None, lines: Iterable[Line], code: str | None = None) -> None:
        """All these units ended so."""
        self.units.update({line.unit_key: Ended(kind, reason, code) for line in lines})

    def hold_as_gone(self, unit_key: str, error: Gone) -> None:
        """The unit's client no longer exists: the unit is held until a person acts (MATCH-GONE)."""
        held = set_aside(VENDOR, unit_key, error)
        self.units[unit_key] = Ended(held.outcome.outcome, held.outcome.reason, held.outcome.code)
        self.findings.extend((unit_key, one) for one in held.findings)


def send_feeds(client: EmoneyClient, job: Job, lines: Iterable[Line], deadline_seconds: float) -> Refreshed:
    """Sends the lines in feeds of at most 5,000 and reads each result back."""
    refreshed = Refreshed()
    for batch, body in _batches(lines, job.as_of):
        name = f"{job.as_of}-{hashlib.sha256(body).hexdigest()[:32]}"
        with household_lock(job, VENDOR, _lock_of(name)) as held:
            if held:
                _send(client, job, name, batch, body, deadline_seconds, refreshed)
            else:
                refreshed.put("deferred", "another run is sending these values now", batch)
    return refreshed


def settle_feeds(client: EmoneyClient, job: Job, unit_key: str | None = None) -> Refreshed:
    """Reads back the results of feeds whose sender died or gave up. Those of a living sender are left to it.

    ``unit_key``: only of feeds with a line of this unit; None: of all.
    """
    refreshed = Refreshed()
    for feed_id, as_of in feeds.unresolved_feeds(job.ledger, unit_key):
        with household_lock(job, VENDOR, _lock_of(feed_id)) as held:
            if not held:
                continue
            try:
                state = client.feed(feed_id)
            except Gone:
                feeds.mark_feed(job.ledger, feed_id, "failed")
            except (LockLost, VendorUnavailable):
                continue
            else:
                if state.status in feeds.RESOLVED:
                    _read_back(client, job, feed_id, as_of, state, refreshed, feeds.read_lines(job.ledger, feed_id))
    return refreshed


def _send(
    client: EmoneyClient,
    job: Job,
    name: str,
    batch: list[Line],
    body: bytes,
    deadline_seconds: float,
    refreshed: Refreshed,
) -> None:
    feed_id = feeds.begin_feed(job.ledger, name, job.run_id, job.as_of, batch)
    try:
        _put(client, feed_id, body)
        feeds.mark_feed(job.ledger, feed_id, "accepted")
        state = _await(client, job, feed_id, deadline_seconds)
    except (InDoubt, LockLost, VendorUnavailable) as error:
        refreshed.put("deferred", f"the feed has no answer yet: {error}", batch)
    except (Rejected, Gone) as error:
        feeds.mark_feed(job.ledger, feed_id, "failed")
        refreshed.put("failed", f"{REFRESH}: {error}", batch, REFRESH)
    else:
        lines = feeds.under_present_keys(job.ledger, batch)
        _read_back(client, job, feed_id, job.as_of, state, refreshed, lines)


def _lock_of(feed_id: str) -> str:
    """A feed is locked like a household, so that nobody reads back what its living sender is about to read."""
    return f"feed:{feed_id.split('-')[3]}"


def body_of(lines: Iterable[Line], as_of: date) -> bytes:
    """The NDJSON of a feed; each line with its items."""
    day = str(as_of).encode()
    each = ((orjson.dumps(line.client_id), line.items or b"[]") for line in lines)
    return b"".join(b'{"asOf":"%s","clientId":%s,"items":%s}\n' % (day, client_id, items) for client_id, items in each)


def values_of(items: bytes) -> list[dict[str, Any]]:
    """The items of a line, without their date."""
    return [{name: value for name, value in item.items() if name != "asOf"} for item in orjson.loads(items)]


def item_fields(job: Job, before: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """What a dry run says of a unit's items: the fields that differ from what was last sent (``before``: by key)."""
    known = {key: item for key, item in before.items() if item is not None}
    return tuple(
        Change(f"items[{item['sourceKey']}].{name}", "written", known.get(item["sourceKey"], {}).get(name), value)
        for item in items
        if job.tells_new or item["sourceKey"] in known
        for name, value in item.items()
        if name != "sourceKey" and value != known.get(item["sourceKey"], {}).get(name)
    )


def _batches(lines: Iterable[Line], as_of: date) -> Iterator[tuple[list[Line], bytes]]:
    batch: list[Line] = []
    chunks: list[bytes] = []
    size = 0
    for line in lines:
        chunk = body_of([line], as_of)
        if batch and (len(batch) == MOST_LINES or size + len(chunk) > MOST_BYTES):
            yield batch, b"".join(chunks)
            batch, chunks, size = [], [], 0
        batch.append(line)
        chunks.append(chunk)
        size += len(chunk)
    if batch:
        yield batch, b"".join(chunks)


def _put(client: EmoneyClient, feed_id: str, body: bytes) -> None:
    for attempt in range(TRIES):
        try:
            client.put_feed(feed_id, body)
            return
        except InDoubt:
            if attempt == TRIES - 1:
                raise


def _await(client: EmoneyClient, job: Job, feed_id: str, deadline_seconds: float) -> FeedState:
    waited, pause = 0.0, 0.2
    while True:
        state = client.feed(feed_id)
        if state.status in ("done", "failed"):
            return state
        if waited >= deadline_seconds:
            raise InDoubt(f"it is still {state.status} after {waited:.0f} s; the next run reads its result")
        job.sleep(pause)
        waited, pause = waited + pause, min(pause * 2, 10.0)


def _read_back(
    client: EmoneyClient,
    job: Job,
    feed_id: str,
    as_of: date,
    state: FeedState,
    refreshed: Refreshed,
    lines: Sequence[Line],
) -> None:
    unit_of = {line.client_id: line.unit_key for line in lines}
    if state.status == "failed":
        refreshed.put("deferred", "eMoney could not process the feed", lines)
        feeds.mark_feed(job.ledger, feed_id, "failed")
        return
    rejected: dict[str, str] = {}
    for one in state.rejected:
        unit_key = unit_of.get(one.client_id)
        if unit_key is not None:
            rejected[unit_key] = one.code
            refreshed.findings.append((unit_key, _rejection(one.source_key, unit_key, one.code)))
    _note_new(job, state, unit_of, refreshed)
    through = {line.unit_key: line for line in lines if line.unit_key not in rejected}
    remembered = narrow(list(through), lambda keys: _remember(job, as_of, [through[key] for key in keys], refreshed))
    refreshed.units.update(
        {key: Ended("failed", note_defect(error, "feed emoney", key)) for key, error in remembered.broken.items()}
    )
    linked = _linked_by_advisors(client, job, state, list(through.values()))
    changes.save_changes(job.ledger, job.run_id, VENDOR, linked)
    for key, code in rejected.items():
        refreshed.units[key] = Ended("failed", f"{REFRESH}: eMoney rejected the line ({code})", REFRESH)
    for unit_key, error in _of_gone_clients(client, state, unit_of).items():
        refreshed.hold_as_gone(unit_key, error)
    feeds.mark_feed(job.ledger, feed_id, "done")


def _note_new(job: Job, state: FeedState, unit_of: Mapping[str, str], refreshed: Refreshed) -> None:
    """EMY-NEW: eMoney says once what is new. A run that classifies an item puts better words into the ledger."""
    new = [(unit_of[one.client_id], one) for one in state.newly_available if one.client_id in unit_of]
    refreshed.newly_available += [(unit_key, one.client_id, one.source_key) for unit_key, one in new]
    waiting = [(unit_key, _of_item("EMY-NEW", one.source_key, "not classified")) for unit_key, one in new]
    findings.save_load_findings(job.ledger, job.run_id, VENDOR, waiting)


def _remember(job: Job, as_of: date, lines: Sequence[Line], refreshed: Refreshed) -> None:
    """Lines that went through: their values are the last known, unless a later feed has brought newer ones."""
    sent = links.read_sent(job.ledger, VENDOR, "items", [line.unit_key for line in lines])
    newer = set(sent.loc[sent["as_of"] > as_of, "unit_key"]) if len(sent) else set()
    through = [line for line in lines if line.unit_key not in newer]
    known = dict(zip(sent["unit_key"], sent["offered_hash"], strict=True))
    changed = [line for line in through if known.get(line.unit_key) != line.items_hash]
    bases = links.read_bases(job.ledger, VENDOR, "items", [line.unit_key for line in changed if line.unit_key in known])
    refreshed.findings.extend(_gone(changed, bases))
    # Before the base by which they are found is replaced.
    findings.save_load_findings(job.ledger, job.run_id, VENDOR, refreshed.findings)
    rows = ((line.unit_key, line.items_hash, _values(line, bases.get(line.unit_key) or {})) for line in changed)
    links.save_many_sent(job.ledger, VENDOR, "items", rows, as_of, job.run_id)
    feeds.keep_lines(job.ledger, through, as_of)
    links.confirm_unchanged(job.ledger, VENDOR, "items", [line.unit_key for line in through], as_of)
    refreshed.put("refreshed", None, through)
    refreshed.put("updated", None, changed)


def _of_gone_clients(client: EmoneyClient, state: FeedState, unit_of: Mapping[str, str]) -> dict[str, Gone]:
    """Units whose whole line was rejected because their client is there no longer."""
    whole = [one.client_id for one in state.rejected if one.source_key is None and one.client_id in unit_of]
    found: dict[str, Gone] = {}
    for client_id in whole[:LOOKED_AT]:
        try:
            client.client(client_id)
        except Gone as error:
            found[unit_of[client_id]] = error
        except (SetAside, VendorUnavailable):
            break
    return found


def _rejection(source_key: str | None, unit_key: str, code: str) -> LoadFinding:
    entity, _, entity_id = (source_key or "").partition(":")
    if not entity_id:
        entity, entity_id = entity_of(unit_key)
    return LoadFinding(REFRESH, entity, entity_id, None, code)


def _gone(changed: list[Line], bases: Mapping[str, Mapping[str, object]]) -> list[tuple[str, LoadFinding]]:
    """Accounts and policies of the last refresh that are no longer in the CRM (EMY-GONE)."""
    return [
        (line.unit_key, _of_item("EMY-GONE", source_key, "no longer in the CRM"))
        for line in changed
        for source_key in sorted(set(bases.get(line.unit_key) or ()) - {*line.keys, *line.withheld})
    ]


def _values(line: Line, before: Mapping[str, object]) -> dict[str, object]:
    """What eMoney has now, by source key; of a feed that another run sent only the keys are known.

    What a license keeps back stays there as it was sent ``before``.
    """
    kept = {key: before[key] for key in line.withheld if key in before}
    if line.items is None:
        return kept | dict.fromkeys(line.keys)
    return kept | {item["sourceKey"]: item for item in values_of(line.items)}


def _linked_by_advisors(
    client: EmoneyClient, job: Job, state: FeedState, lines: Sequence[Line]
) -> list[tuple[str, Change]]:
    """EMY-NEW: what somebody has linked at eMoney, of what is known to wait there.

    The feed counts what waits. Where it is less than is known, some clients are asked, others each night.
    """
    waiting = findings.waiting_items(job.ledger, [line.unit_key for line in lines])
    new = {(one.client_id, one.source_key) for one in state.newly_available}
    now = rekeying.current_keys(job.ledger, {key for line in lines for key in line.keys}) if waiting else {}
    known = {
        line.unit_key: [
            key
            for key in line.keys
            if now.get(key, key) in waiting.get(line.unit_key, ()) and (line.client_id, key) not in new
        ]
        for line in lines
    }
    still_wait = state.counts.available if state.counts else 0
    missing = len(new) + sum(map(len, known.values())) - still_wait
    found: list[tuple[str, Change]] = []
    asked = sorted((line for line in lines if known[line.unit_key]), key=lambda line: _turn(job, line))
    for line in asked[:ASKED_AT_MOST]:
        if len(found) >= missing:
            break
        try:
            available = {one.source_key for one in client.accounts(line.client_id, "available")}
        except (SetAside, VendorUnavailable):
            break
        linked = [key for key in known[line.unit_key] if key not in available]
        found += [(line.unit_key, Change(f"items[{key}]", "linked_by_advisor")) for key in linked]
    return found


def _turn(job: Job, line: Line) -> str:
    return hashlib.sha256(f"{job.as_of}{line.unit_key}".encode()).hexdigest()


def _of_item(rule_id: str, source_key: str, detail: str) -> LoadFinding:
    entity, _, entity_id = source_key.partition(":")
    return LoadFinding(rule_id, entity, entity_id, None, detail)
