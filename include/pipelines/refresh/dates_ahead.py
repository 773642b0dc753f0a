"""Units that were sent as of a future day, by a mistyped year.

A unit that was sent as of a day is not sent as of an earlier one, so these units would stand still for years. When a
run begins, future days are rolled back to the day before the run's.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import pandas as pd

from etl.load.ledger import links
from include.pipelines.run.context import RunContext

STAGE = "plan/notice"
log = logging.getLogger(__name__)


def roll_back_dates(context: RunContext) -> None:
    """Rolls future days back and stages a notice for the report; a dry run only stages the notice."""
    request, ledger = context.request, context.ledger
    latest = max(context.settings.refresh.latest_as_of, request.as_of)
    units, last = links.sent_after(ledger, request.vendors, latest)
    if not units:
        return
    before = request.as_of - timedelta(days=1)
    were = "1 unit was" if units == 1 else f"{units} units were"
    when = " once a run is no dry run" if request.dry_run else ""
    notice = (
        f"{were} sent as of a day ahead of the office's, the last of them {last}: this counts as {before}{when}, so "
        "that no unit stands still. Look at the vendors for figures as of such a day; the next run writes its own."
    )
    log.warning(notice)
    context.staging.write(STAGE, {"notice": pd.DataFrame({"notice": [notice]})})
    if not request.dry_run:
        links.take_dates_back(ledger, request.vendors, latest, before)


def read_notice(context: RunContext) -> str | None:
    """The notice for the report, None where there is none."""
    return str(context.staging.read(STAGE)["notice"]["notice"][0]) if context.staging.has(STAGE) else None
