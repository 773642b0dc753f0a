"""The last stage of a forecast: what the night would do is kept for the desk, and the dry run is closed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from etl.load.ledger import runs
from etl.load.ledger.desk.forecasts import keep_forecast
from include.pipelines.refresh.report import report_run
from include.pipelines.run.context import RunContext
from include.pipelines.run.shards import read_labels
from include.runtime.stops import read_stops


def report_forecast(context: RunContext, failed_tasks: Sequence[str] = ()) -> dict[str, Any]:
    """Keeps the forecast unless a step was stopped, and closes its run. No file stays: the desk shows the forecast.

    Raises what `report_run` raises.
    """
    request, ledger = context.request, context.ledger
    if not read_stops(context, failed_tasks) and context.staging.has("plan/scope"):
        outcomes = runs.read_outcomes(ledger, request.run_id)
        named = outcomes.loc[outcomes["outcome"] != "unchanged", "unit_key"]
        labels = read_labels(context, set(named))
        keep_forecast(ledger, request.run_id, request.as_of, outcomes, labels)
    reported = report_run(context, failed_tasks, files=False)
    shutil.rmtree(context.reports, ignore_errors=True)
    return {"status": reported["status"], "units": reported["units"]}
