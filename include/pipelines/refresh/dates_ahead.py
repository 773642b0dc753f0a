"""What was sent as of a day that has not come yet, by a mistyped year: it must not stop the units for good.

A unit that was sent as of a day is not sent as of an earlier one. Days ahead of the office's are taken back when a run
begins: what was sent so counts as sent the day before the run's.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import pandas as pd

from etl.load.ledger import links
from include.pipelines.run.context import RunContext

STAGE = "plan/notice"
log = logging.getLogger(__name__)


def take_back(context: RunContext) -> None:
    """Takes days ahead of the office's back and says so; a dry run only says so."""
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
    """What was said, for the report."""
    return str(context.staging.read(STAGE)["notice"]["notice"][0]) if context.staging.has(STAGE) else None
