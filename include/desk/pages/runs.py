"""The runs: their list, one run's page, and the files of its report, frozen as the run wrote them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse

from etl.load.ledger import runs as stops
from etl.load.ledger.desk import runs
from etl.load.ledger.desk.runs import Run
from etl.outcomes import OUTCOMES
from expectations.rules.cards import title, titles
from include.desk import kit
from include.desk.context import Desk, desk_of
from include.desk.security import DeskUser, PageNumber, User, not_there, with_style
from include.report.display import asked_by
from include.report.html import styled
from include.report.run.advice import MEANINGS
from include.runtime.context import reports_of

router = APIRouter()

ROWS = 50
HELD_SHOWN = 200
# The files of a report that are shown here. They hold all offices: only who may see all of them gets them.
FILES = {
    "worklist.html": "The report of the run",
    "life_events.html": "Life events",
    "why.html": "Where the values come from",
    "manifest.html": "The manifest of the transfer",
    "worklist.xlsx": "The findings as a workbook",
    "worklist.csv": "The findings as CSV",
    "manifest.xlsx": "The manifest as a workbook",
    "manifest.csv": "The manifest as CSV",
}
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@router.get("/runs")
def list_of_runs(request: Request, user: User, kind: str = "", page: PageNumber = 1) -> Response:
    """All runs, the latest first."""
    ledger = desk_of(request).ledger
    shown = runs.list_runs(ledger, kind, ROWS + 1, (page - 1) * ROWS)
    return kit.page(
        request,
        "runs.html.j2",
        runs=shown[:ROWS],
        outcomes=runs.count_outcomes(ledger, [one.run_id for one in shown[:ROWS]]),
        kinds=runs.count_runs(ledger),
        kind=kind,
        number=page,
        has_more=len(shown) > ROWS,
        asked_by=_asked_by,
    )


@router.get("/runs/{run_id}")
def one_run(request: Request, user: User, run_id: str) -> Response:
    """How a run ended, what it held, what it has changed on the work list."""
    desk = desk_of(request)
    if run_id == "latest" and (latest := runs.list_runs(desk.ledger, limit=1)):
        return RedirectResponse(kit.address(request, f"/runs/{quote(latest[0].run_id, safe='')}"), 303)
    run = runs.find_run(desk.ledger, run_id)
    if run is None:
        sentence = f"The ledger has no run {run_id}. A run is listed as soon as its first step has begun."
        return kit.page(request, "sentence.html.j2", status=404, title="No such run", sentence=sentence)
    before, after = runs.neighbours(desk.ledger, run)
    return kit.page(
        request,
        "run.html.j2",
        run=run,
        asked_by=_asked_by(run),
        seconds=(run.finished_at - run.started_at).total_seconds() if run.finished_at else None,
        before=before,
        after=after,
        stops=stops.why_stopped(desk.ledger, run_id),
        books=_books(desk, run_id),
        outcomes=OUTCOMES,
        meanings={outcome: words[run.dry_run] for outcome, words in MEANINGS.items()},
        held=runs.held_units(desk.ledger, user.offices, run_id, HELD_SHOWN),
        held_shown=HELD_SHOWN,
        changed=runs.changed_items(desk.ledger, user.offices, run),
        rule_title=title,
        titles=titles,
        files=_files(reports_of(desk.settings, run_id), user),
    )


@router.get("/runs/{run_id}/report/{name}")
def report_file(request: Request, user: User, run_id: str, name: str) -> Response:
    """A file of a run's report, as the run wrote it."""
    desk = desk_of(request)
    folder = reports_of(desk.settings, run_id)
    if runs.find_run(desk.ledger, run_id) is None or name not in _files(folder, user):
        raise not_there()
    if name.endswith(".html"):
        text = (folder / name).read_text(encoding="utf-8")
        _, digest = styled("".join(_STYLE.findall(text)[:1]))
        return HTMLResponse(text, headers=with_style(digest))
    return FileResponse(folder / name, filename=name)


def _books(desk: Desk, run_id: str) -> dict[str, dict[str, int]]:
    """Vendor -> outcome -> units, with the outcomes that no unit had."""
    counted = runs.count_outcomes(desk.ledger, [run_id]).get(run_id, {})
    return {vendor: {outcome: units.get(outcome, 0) for outcome in OUTCOMES} for vendor, units in counted.items()}


def _files(folder: Path, user: DeskUser) -> dict[str, str]:
    """The files that are there, with their words; none for who may not see all offices."""
    if user.offices is not None:
        return {}
    return {name: words for name, words in FILES.items() if (folder / name).is_file()}


def _asked_by(run: Run) -> str:
    return asked_by(run.requested_by, run.triggered_by)
