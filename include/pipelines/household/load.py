"""The load of a run by hand: the unit that was asked for, and after it those that go along."""

from __future__ import annotations

from collections import Counter

from include.pipelines.refresh.load import load_shard
from include.pipelines.run.context import RunContext


def load_units(context: RunContext) -> dict[str, int]:
    """Loads every unit of the run to its vendor; gives the number of units by outcome. Raises as `load_shard`."""
    (vendor,) = context.request.vendors
    hand = context.request.by_hand
    if hand is not None and hand.what.unlink is not None:
        return {"unchanged": 1}
    counted: Counter[str] = Counter()
    for number in context.staging.read("plan/scope")["units"]["shard"]:
        counted.update(load_shard(context, vendor, int(number)))
    return dict(counted)
