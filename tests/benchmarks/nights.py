"""Nights at the vendors: an unchanged one, and one with 5 % changed. Prints its figures as JSON.

The state after a first night is filled in straight (the vendors' tables and the ledger, by their own functions):
sending it by call is not what is measured here.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pandas as pd

from etl.frames import each_row
from etl.load.job import entity_of
from etl.load.ledger import links
from etl.load.ledger.links import base_written
from etl.load.ledger.runs import read_outcomes
from etl.load.ledger.tables import link
from include.pipelines.refresh.plan import plan_and_extract
from include.pipelines.refresh.report import report_run
from include.pipelines.run.context import VENDORS, RunContext
from include.pipelines.run.shards import shard_name
from include.sandbox.emoney.store import Store as EmoneyStore
from include.sandbox.emoney.store import as_client_id
from include.sandbox.profiles.store import Store as ProfilesStore
from tests.benchmarks.harness import (
    AS_OF,
    Bench,
    Watch,
    load_in_processes,
    make_keys,
    sandboxes,
    transform_in_processes,
    validate_in_processes,
    warm_up,
)
from tests.demo.changes import change_office
from tests.sandbox.filling import fill_emoney, fill_profiles


def main(households: int) -> None:
    """Night 1 (filled in), night 2 unchanged, night 3 with 5 % of the households changed."""
    make_keys()
    warm_up()
    bench = Bench(households)
    bench.make_office()
    bench.forget_runs()
    with bench.own_office(), sandboxes(bench):
        first = bench.context("night-1")
        watch = Watch()
        shards = _until_gate(bench, first, watch)
        with watch.stage("fill"):
            _fill(bench, first, shards)
        _load(bench, first, shards, watch)
        print("night 1, filled in:", json.dumps(watch.stop()), file=sys.stderr)
        quiet = _night(bench, "night-2", 1)
        now = datetime.combine(AS_OF, datetime.min.time(), UTC).replace(tzinfo=None) + timedelta(days=2)
        changed = change_office(f"sqlite:///{bench.crm}", 5, 1, now)
        busy = _night(bench, "night-3", 2)
    print(json.dumps({"households": households, "quiet": quiet, "busy": {**busy, "changed": len(changed)}}))


def _night(bench: Bench, run_id: str, day: int) -> dict[str, Any]:
    context = bench.context(run_id, AS_OF + timedelta(days=day))
    before = {vendor: _calls(bench, vendor) for vendor in ("profiles", "emoney")}
    watch = Watch()
    shards = _until_gate(bench, context, watch)
    _load(bench, context, shards, watch)
    figures = watch.stop()
    ended = read_outcomes(context.ledger, run_id)["outcome"].value_counts()
    if {"failed", "deferred"} & set(ended.index):
        raise SystemExit(f"{run_id} did not load everything: {ended.to_dict()}")
    after = {vendor: _calls(bench, vendor) for vendor in ("profiles", "emoney")}
    calls = {
        vendor: {kind: _grown(before[vendor][kind], after[vendor][kind]) for kind in ("calls", "writes")}
        for vendor in after
    }
    return {
        **figures,
        "total_seconds": round(sum(figures["seconds"].values()), 1),
        "vendors": calls,
        "outcomes": ended.to_dict(),
    }


def _grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {route: count - before.get(route, 0) for route, count in after.items()}


def _until_gate(bench: Bench, context: RunContext, watch: Watch) -> list[int]:
    with watch.stage("extract"):
        shards = plan_and_extract(context)
    with watch.stage("transform"):
        transform_in_processes(bench, context, shards)
    with watch.stage("gate"):
        validate_in_processes(bench, context)
    return shards


def _load(bench: Bench, context: RunContext, shards: list[int], watch: Watch) -> None:
    with watch.stage("load"):
        load_in_processes(bench, context, [(vendor, number) for number in shards for vendor in VENDORS])
    with watch.stage("report"):
        report_run(context)


def _calls(bench: Bench, vendor: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.ports[vendor]}/_sandbox/state?only=counters") as answer:
        counters: dict[str, dict[str, int]] = json.load(answer)["counters"]
        return counters


def _fill(bench: Bench, context: RunContext, shards: list[int]) -> None:
    """Both vendors and the ledger as they stand after a night on which everything was sent."""
    for vendor, fill in (("profiles", _fill_profiles), ("emoney", _fill_emoney)):
        decided = context.staging.read(f"verdict/{vendor}", ["decisions"])["decisions"]
        sent = decided.loc[decided["decision"] == "send", "unit_key"]
        for number in shards:
            documents = context.staging.read(shard_name(vendor, number), ["documents"])["documents"]
            fill(bench, context, documents[documents["unit_key"].isin(sent)])


def _fill_profiles(bench: Bench, context: RunContext, going: pd.DataFrame) -> None:
    contents = [orjson.loads(document) for document in going["document"]]
    bodies = [
        {"externalSourceId": ":".join(entity_of(key)), "case": {"name": one["case_name"], **one["document"]}}
        for key, one in zip(going["unit_key"], contents, strict=True)
    ]
    added = fill_profiles(ProfilesStore(bench.folder / "profiles.db"), bodies)
    _link(context, "profiles", going, [(str(household), str(case)) for household, case in added])
    _remember(context, "profiles", "case", going["unit_key"], going["payload_hash"], [None] * len(contents))
    bases = (
        base_written(context.ledger, str(case), one["document"], context.request.run_id)
        for (_, case), one in zip(added, contents, strict=True)
    )
    context.ledger.commit(*bases)


def _fill_emoney(bench: Bench, context: RunContext, going: pd.DataFrame) -> None:
    contents = [orjson.loads(document) for document in going["document"]]
    rows = [{**one, "accounts": one["items"]} for one in contents]
    added = fill_emoney(EmoneyStore(bench.folder / "emoney.db"), rows)
    _link(context, "emoney", going, [(as_client_id(client), None) for client in added])
    clients = [one["client"] for one in contents]
    _remember(context, "emoney", "client", going["unit_key"], going["people_hash"], clients)
    items = [{item["sourceKey"]: item for item in one["items"]} for one in contents]
    _remember(context, "emoney", "items", going["unit_key"], going["items_hash"], items)


def _link(context: RunContext, vendor: str, going: pd.DataFrame, ids: list[tuple[str, str | None]]) -> None:
    ledger, now = context.ledger, context.ledger.now()
    rows = (
        {
            "vendor": vendor, "unit_key": row.unit_key, "vendor_client_id": client, "vendor_case_id": case,
            "connection_id": "c", "client_contact_id": int(row.client_contact_id),
            "spouse_contact_id": None if pd.isna(row.spouse_contact_id) else int(row.spouse_contact_id),
            "linked_at": now, "matched_by": "CREATED",
        }
        for row, (client, case) in zip(each_row(going), ids, strict=True)
    )  # fmt: skip
    with ledger.write() as connection:
        ledger.upsert(connection, link, rows)


def _remember(
    context: RunContext, vendor: str, part: str, keys: Iterable[str], offers: Iterable[str], bases: Iterable[Any]
) -> None:
    rows = zip(keys, offers, bases, strict=True)
    links.save_many_sent(context.ledger, vendor, part, rows, context.request.as_of, context.request.run_id)


if __name__ == "__main__":
    main(int(sys.argv[1]))
