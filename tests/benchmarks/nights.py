"""Nights at the vendors: an unchanged one, and one with 5 % changed. Prints its figures as JSON.

The state of a first night is filled in straight (the vendors' tables and the ledger, by their own functions): sending
it by call is not what is measured here. The first feed goes by HTTP, so that every client has been refreshed once.
"""

from __future__ import annotations

import json
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pandas as pd

from etl.load.delivery import entity_of
from etl.load.ledger.store import pack
from etl.load.ledger.tables import link, sent
from include.demo.changes import change_office
from include.refresh.context import RunContext
from include.refresh.load import load_shard
from include.refresh.plan import plan_and_extract, shard_name
from include.refresh.report import report_run
from include.sandbox.emoney.schema import as_client_id
from include.sandbox.emoney.store import Store as EmoneyStore
from include.sandbox.profiles.store import Store as ProfilesStore
from tests.benchmarks.harness import (
    AS_OF,
    Bench,
    Watch,
    make_keys,
    sandboxes,
    transform_in_processes,
    validate_in_processes,
)


def main(households: int) -> None:
    """Night 1 (filled in), night 2 unchanged, night 3 with 5 % of the households changed."""
    make_keys()
    bench = Bench(households)
    bench.make_office()
    for name in (
        "data",
        "profiles.db",
        "profiles.db-wal",
        "profiles.db-shm",
        "emoney.db",
        "emoney.db-wal",
        "emoney.db-shm",
    ):
        shutil.rmtree(bench.folder / name, ignore_errors=True)
        (bench.folder / name).unlink(missing_ok=True)
    shutil.copyfile(bench.crm, bench.folder / "crm.pristine.db")
    try:
        with sandboxes(bench):
            first = bench.context("night-1")
            shards = _until_gate(first, Watch())
            for number in shards:
                _fill(bench, first, number)
            _load(first, shards, Watch())
            quiet = _night(bench, "night-2", 1)
            now = datetime.combine(AS_OF, datetime.min.time(), UTC).replace(tzinfo=None) + timedelta(days=2)
            changed = change_office(f"sqlite:///{bench.crm}", 5, 1, now)
            busy = _night(bench, "night-3", 2)
    finally:
        shutil.move(bench.folder / "crm.pristine.db", bench.crm)
    print(json.dumps({"households": households, "quiet": quiet, "busy": {**busy, "changed": len(changed)}}))


def _night(bench: Bench, run_id: str, day: int) -> dict[str, Any]:
    context = bench.context(run_id, AS_OF + timedelta(days=day))
    before = {vendor: _calls(bench, vendor) for vendor in ("profiles", "emoney")}
    watch = Watch()
    shards = _until_gate(context, watch)
    _load(context, shards, watch)
    figures = watch.stop()
    after = {vendor: _calls(bench, vendor) for vendor in ("profiles", "emoney")}
    calls = {
        vendor: {kind: _grown(before[vendor][kind], after[vendor][kind]) for kind in ("calls", "writes")}
        for vendor in after
    }
    return {**figures, "total_seconds": round(sum(figures["seconds"].values()), 1), "vendors": calls}


def _grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {route: count - before.get(route, 0) for route, count in after.items()}


def _until_gate(context: RunContext, watch: Watch) -> list[int]:
    with watch.stage("extract"):
        shards = plan_and_extract(context)
    with watch.stage("transform"):
        transform_in_processes(context, shards)
    with watch.stage("gate"):
        validate_in_processes(context)
    return shards


def _load(context: RunContext, shards: list[int], watch: Watch) -> None:
    for vendor in ("profiles", "emoney"):
        with watch.stage(f"load {vendor}"):
            for number in shards:
                load_shard(context, vendor, number)
    with watch.stage("report"):
        report_run(context)


def _calls(bench: Bench, vendor: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.ports[vendor]}/_sandbox/state?only=counters") as answer:
        counters: dict[str, dict[str, int]] = json.load(answer)["counters"]
        return counters


def _fill(bench: Bench, context: RunContext, number: int) -> None:
    for vendor in ("profiles", "emoney"):
        decided = context.staging.read(f"verdict/{vendor}", ["decisions"])["decisions"]
        documents = context.staging.read(shard_name(vendor, number), ["documents"])["documents"]
        going = documents[documents["unit_key"].isin(decided.loc[decided["decision"] == "send", "unit_key"])]
        if vendor == "profiles":
            _fill_profiles(bench, context, going)
        else:
            _fill_emoney(bench, context, going)


def _fill_profiles(bench: Bench, context: RunContext, going: pd.DataFrame) -> None:
    store = ProfilesStore(bench.folder / "profiles.db")
    contents = [orjson.loads(document) for document in going["document"]]
    bodies = [
        {"externalSourceId": ":".join(entity_of(key)), "case": {"name": one["case_name"], **one["document"]}}
        for key, one in zip(going["unit_key"], contents, strict=True)
    ]
    ids = [(str(household), str(case)) for household, case in store.add_households(bodies)]
    bases = (("case", row.payload_hash, one["document"]) for row, one in zip(going.itertuples(), contents, strict=True))
    _remember(context, "profiles", going, ids, bases)


def _fill_emoney(bench: Bench, context: RunContext, going: pd.DataFrame) -> None:
    store = EmoneyStore(bench.folder / "emoney.db")
    contents = [orjson.loads(document) for document in going["document"]]
    rows = [{"client": one["client"], "spouse": one["spouse"], "connected": True} for one in contents]
    ids = [(as_client_id(client), None) for client in store.add_clients(rows)]
    bases = (("client", row.people_hash, one["client"]) for row, one in zip(going.itertuples(), contents, strict=True))
    _remember(context, "emoney", going, ids, bases)


def _remember(
    context: RunContext,
    vendor: str,
    going: pd.DataFrame,
    ids: list[tuple[str, str | None]],
    bases: Iterator[tuple[str, str, Any]],
) -> None:
    ledger, now = context.ledger, context.ledger.now()
    head = {"vendor": vendor}
    with ledger.write() as connection:
        ledger.upsert(
            connection,
            link,
            (
                {
                    **head, "unit_key": row.unit_key, "vendor_client_id": client, "vendor_case_id": case,
                    "connection_id": "c",
                    "client_contact_id": int(row.client_contact_id),
                    "spouse_contact_id": None if pd.isna(row.spouse_contact_id) else int(row.spouse_contact_id),
                    "linked_at": now, "matched_by": "CREATED",
                }
                for row, (client, case) in zip(going.itertuples(), ids, strict=True)
            ),
        )  # fmt: skip
        ledger.upsert(
            connection,
            sent,
            (
                {
                    **head, "unit_key": key, "part": part, "offered_hash": offer, "base": pack(base),
                    "as_of": context.request.as_of, "run_id": context.request.run_id, "sent_at": now,
                }
                for key, (part, offer, base) in zip(going["unit_key"], bases, strict=True)
            ),
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
