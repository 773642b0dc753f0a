"""What the guards find in the documents, compared with what was last sent.

The guards count items missing from eMoney's feed, values that change alike, updates, creations, and units that break
one rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pandas as pd

from etl.frames import are_among, each_row
from etl.load.ledger import feeds, findings, links, runs
from include.pipelines.guards.alike import ChangesAlike
from include.pipelines.guards.stop import Cause, Limit, hash_of, is_guarded
from include.pipelines.identity.link_ownership import links_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.named_values import named_values
from include.pipelines.run.shards import OFFERED, read_documents

# As the source keys of eMoney's items begin, and the CRM's table.
KINDS = {"account": "investment_account", "policy": "policy"}


def of_documents(
    context: RunContext, vendor: str, decisions: pd.DataFrame, found: pd.DataFrame, carried: pd.Series
) -> list[Cause]:
    """The causes to stop, from the changes at the vendor; ``decisions`` and ``found``: of the vendor's check.

    ``carried``: the keys of the other units in scope; they count as unchanged, with the findings that stand.
    """
    if not is_guarded(context):
        return []
    standing = findings.read_critical(context.ledger, vendor, carried)
    found = pd.concat([found[list(standing.columns)], standing], ignore_index=True)
    going = decisions[decisions["decision"] == "send"]
    linked = links_of(context, vendor, decisions[["unit_key", "client_contact_id"]], of_these_alone=False)
    compared = _Compared(context, vendor, going)
    return [
        *_one_rule(context, vendor, len(decisions) + len(carried), found),
        *_updates(context, vendor, compared, len(linked)),
        *_creations(context, vendor, going, linked),
        *_alike(context, vendor, compared, len(linked)),
        *_items_gone(context, vendor, compared, carried),
    ]


class _Compared:
    """The documents to send, compared with what was last sent, for units in which something differs.

    ``people``, ``values``: the rows of ``going`` that differ from what was last sent; at Profiles both are the same.
    """

    def __init__(self, context: RunContext, vendor: str, going: pd.DataFrame) -> None:
        self.going = going
        self.alike = ChangesAlike()
        self.gone: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self.new: Counter[str] = Counter()
        self._context, self._vendor = context, vendor
        self.people = self._differs("client" if vendor == "emoney" else "case")
        self.values = self._differs("items") if vendor == "emoney" else self.people
        either = going[self.people | self.values]
        # Fewer units pass no limit: most nights end here.
        if len(either) >= context.settings.guard.at_least:
            for number in either["shard"].unique():
                self._compare(int(number), either[either["shard"] == number])

    def _differs(self, part: str) -> pd.Series:
        """Which rows were sent before and differ now."""
        sent = links.read_sent(self._context.ledger, self._vendor, part).set_index("unit_key")["offered_hash"]
        before = self.going["unit_key"].map(sent)
        return before.notna() & (before != self.going[OFFERED[part]])

    def _compare(self, number: int, rows: pd.DataFrame) -> None:
        context, vendor = self._context, self._vendor
        bases = {
            part: links.read_bases(context.ledger, vendor, part, rows.loc[rows_of[rows.index], "unit_key"])
            for part, rows_of in self._parts().items()
        }
        for row in each_row(read_documents(context, vendor, number, rows["unit_key"])):
            before = {part: of_units.get(row.unit_key) for part, of_units in bases.items()}
            now = orjson.loads(row.document)
            self.alike.add(_values_by_name(vendor, _as_document(vendor, before)), _values_by_name(vendor, now))
            if row.unit_key in bases.get("items", ()):
                self._count_items(row.unit_key, set(before["items"] or ()), {one["sourceKey"] for one in now["items"]})

    def _parts(self) -> dict[str, pd.Series]:
        if self._vendor == "profiles":
            return {"case": self.people}
        return {"client": self.people, "spouse": self.people, "items": self.values}

    def _count_items(self, unit_key: str, before: set[str], now: set[str]) -> None:
        for source_key in before - now:
            self.gone[source_key.partition(":")[0]][unit_key] += 1
        self.new.update(source_key.partition(":")[0] for source_key in now - before)


def _as_document(vendor: str, bases: Mapping[str, Any]) -> dict[str, Any]:
    """What was last sent, in the form of a document."""
    if vendor == "profiles":
        return {"document": bases["case"] or {}}
    # Only the keys are known of a feed whose result another run has read.
    items = [item for item in (bases["items"] or {}).values() if item is not None]
    return {"client": bases["client"] or {}, "spouse": bases["spouse"], "items": items}


def _values_by_name(vendor: str, document: dict[str, Any]) -> dict[str, Any]:
    return dict(named_values(vendor, document))


def _one_rule(context: RunContext, vendor: str, units: int, found: pd.DataFrame) -> Iterator[Cause]:
    limit = Limit.of(context, "max_rule_percent")
    critical = found[found["severity"] == "critical"].drop_duplicates(["unit_key", "rule_id"])
    for rule_id, broken in critical["rule_id"].value_counts().sort_index().items():
        if limit.is_passed(int(broken), int(broken), units):
            words = f"{broken:,} of {units:,} units in scope break the rule {rule_id}"
            yield limit.cause("rule", vendor, words, int(broken), units, pattern=str(rule_id))


def _updates(context: RunContext, vendor: str, compared: _Compared, linked: int) -> Iterator[Cause]:
    """At eMoney only changes of people count: the values change every night."""
    limit = Limit.of(context, "max_changed_percent")
    changed = int(compared.people.sum())
    if limit.is_passed(changed, changed, linked):
        words = f"{changed:,} of {linked:,} linked units would be updated"
        yield limit.cause("updated", vendor, words, changed, linked)


def _creations(context: RunContext, vendor: str, going: pd.DataFrame, linked: pd.DataFrame) -> Iterator[Cause]:
    """Counts once a night has finished: the first night creates all units."""
    if runs.last_watermark(context.ledger, vendor) is None:
        return
    limit = Limit.of(context, "max_created_percent")
    created = int((~are_among(going["unit_key"], linked["unit_key"])).sum())
    if limit.is_passed(created, created, len(linked)):
        words = f"{created:,} units would be created, beside {len(linked):,} that are linked"
        yield limit.cause("created", vendor, words, created, len(linked))


def _alike(context: RunContext, vendor: str, compared: _Compared, linked: int) -> Iterator[Cause]:
    limit = Limit.of(context, "max_alike_percent")
    for one in compared.alike.of_at_least(limit.least(linked)):
        words = f"{one.units:,} × {one.table}, {one.field}: {one.pattern}"
        more = {"table": one.table, "field": one.field, "pattern": one.pattern}
        yield limit.cause("alike", vendor, words, one.units, linked, **more)


def _items_gone(context: RunContext, vendor: str, compared: _Compared, carried: pd.Series) -> Iterator[Cause]:
    """Accounts and policies that are missing from a unit's line in this feed and were in the last one (EMY-GONE)."""
    limit = Limit.of(context, "max_gone_percent")
    if all(len(lost) < limit.at_least for lost in compared.gone.values()):
        return
    was_sent = links.read_sent(context.ledger, vendor, "items")["unit_key"]
    keys = compared.going.loc[are_among(compared.going["unit_key"], was_sent), "source_keys"]
    keys = pd.concat([keys, pd.Series(feeds.kept_source_keys(context.ledger, carried), dtype="str")])
    for kind, table in KINDS.items():
        lost = compared.gone[kind]
        of = int(keys.str.count(f"{kind}:").sum()) + lost.total() - compared.new[kind]
        if limit.is_passed(len(lost), lost.total(), of):
            words = f"{table}: {lost.total():,} of {of:,} that the last feed had would be missing from this one"
            more = {"table": table, "units": hash_of(sorted(lost))}
            yield limit.cause("items_gone", vendor, words, lost.total(), of, **more)
