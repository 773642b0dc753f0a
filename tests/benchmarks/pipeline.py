"""Extract, transform and gate over one office; prints its figures as JSON."""

from __future__ import annotations

import json
import sys

from include.pipelines.refresh.plan import plan_and_extract
from tests.benchmarks.harness import Bench, Watch, make_keys, transform_in_processes, validate_in_processes, warm_up


def main(households: int) -> None:
    """The three stages, in the order of the DAG; transform in as many processes as there are cores (2)."""
    make_keys()
    warm_up()
    bench = Bench(households)
    bench.make_office()
    bench.forget_runs()
    context = bench.context("pipeline", full=True, dry_run=True)
    watch = Watch()
    with watch.stage("extract"):
        shards = plan_and_extract(context)
    with watch.stage("transform"):
        transform_in_processes(bench, context, shards)
    with watch.stage("gate"):
        validate_in_processes(bench, context)
    units = len(context.staging.read("plan/scope")["units"])
    context.staging.remove()
    print(json.dumps({"households": households, "units": units, **watch.stop()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
