"""Our transform beside a per-household pandas script and a DuckDB query, on the same shard; and the gate beside itself.

The shard is there for each in the format that it reads fastest: Arrow files for ours, Parquet for the others.

Prints its figures as JSON. All run in turn in one process, so that the ratios hold on a noisy machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from include.pipelines.refresh.plan import plan_and_extract
from include.pipelines.refresh.transform import transform_shard
from include.pipelines.refresh.validate import read_facts
from include.pipelines.run.context import RunContext
from include.pipelines.run.shards import shard_name
from tests.benchmarks.harness import AS_OF, Bench, make_keys


def main(households: int) -> None:
    """Rounds of ours, DuckDB's and the gate's; one of the per-household script, which takes long enough."""
    make_keys()
    bench = Bench(households)
    bench.make_office()
    context = bench.context("compare", full=True, dry_run=True)
    shards = plan_and_extract(context)
    transforms = _compare_transforms(context)
    for number in shards:
        transform_shard(context, number)
    gate = _compare_gate(context, shards)
    context.staging.remove()
    print(json.dumps({**transforms, **gate}))


def _compare_transforms(context: RunContext) -> dict[str, float]:
    from etl.transform.assembly import assemble
    from tests.benchmarks.comparison import duckdb_documents, per_household

    folder = context.staging.folder / "parquet"
    folder.mkdir()
    for name, frame in context.staging.read(shard_name("source", 0)).items():
        frame.to_parquet(folder / f"{name}.parquet")

    def ours() -> int:
        return len(assemble("profiles", context.staging.read(shard_name("source", 0)), AS_OF).documents)

    units = ours()
    ratios = [(_seconds(ours), _seconds(lambda: duckdb_documents.run(folder, AS_OF))) for _ in range(5)]
    mine = statistics.median(own for own, _ in ratios)
    return {
        "units": units,
        "ours_seconds": mine,
        "times_duckdb": statistics.median(own / duck for own, duck in ratios),
        "times_faster_than_pandas": _seconds(lambda: per_household.run(folder, AS_OF)) / mine,
    }


def _compare_gate(context: RunContext, shards: list[int]) -> dict[str, Any]:
    from expectations.gate import validate
    from expectations.gx import build_suites, open_context, run_suite

    facts = read_facts(context, "profiles", shards)
    units = context.staging.read("plan/scope")["units"]["unit_key"].tolist()
    with open_context() as context:
        suites = build_suites("profiles", AS_OF)

        def asked(result_format: str) -> None:
            for frame, suite in suites.items():
                run_suite(context, suite, facts[frame], result_format)

        asked("BOOLEAN_ONLY")
        rounds = [(_seconds(lambda: asked("BASIC")), _seconds(lambda: asked("BOOLEAN_ONLY"))) for _ in range(5)]
    whole = _seconds(lambda: validate("profiles", facts, units, as_of=AS_OF))
    boolean = statistics.median(only for _, only in rounds)
    return {
        "gate_all_keys_times_boolean": statistics.median(every / only for every, only in rounds),
        "gate_with_findings_times_boolean": whole / boolean,
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]))
