"""Writes the report's files into a run's folder; run.json comes last and says that the others are whole."""

import json
from pathlib import Path
from typing import BinaryIO

from etl.files import write_whole
from include.report.run.json_file import run_summary
from include.report.run.life_event_page import render_life_events
from include.report.run.model import RunReport
from include.report.run.page import render_page
from include.report.run.tallies import tally
from include.report.run.why_page import render_why
from include.report.run.workbook import write_workbook
from include.report.run.worklist import worklist, write_csv


def write_report(folder: Path, report: RunReport) -> Path:
    """Write worklist.html, worklist.csv, worklist.xlsx and run.json (each 0600, whole or not at all) under ``folder``.

    With life events also life_events.html, with lineage or pins why.html.
    The folder is made where it is missing, for its owner alone. Gives the path of worklist.html. Raises OSError where
    the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tallies = tally(report)
    lines = worklist(report, tallies)

    def write_xlsx(file: BinaryIO) -> None:
        write_workbook(file, report, tallies, lines, scratch=folder)

    write_whole(folder / "worklist.csv", lambda file: write_csv(file, lines))
    write_whole(folder / "worklist.xlsx", write_xlsx)
    if report.life_events:
        events = render_life_events(report).encode()
        write_whole(folder / "life_events.html", events)
    if len(report.lineage) or len(report.pins):
        why = render_why(report).encode()
        write_whole(folder / "why.html", why)
    page = render_page(report, tallies).encode()
    path = write_whole(folder / "worklist.html", page)
    summary = json.dumps(run_summary(report, tallies), allow_nan=False, indent=2).encode()
    write_whole(folder / "run.json", summary)
    return path
