"""Writes the report's files into a run's folder; run.json comes last and says that the others are whole."""

from pathlib import Path

from etl.files import write_whole
from include.report.display import json_bytes
from include.report.run.json_file import run_summary
from include.report.run.model import RunReport
from include.report.run.pages import render_life_events, render_why, render_worklist
from include.report.run.tallies import tally
from include.report.run.workbook import write_workbook
from include.report.run.worklist import worklist
from include.report.sheets import write_csv


def write_report(folder: Path, report: RunReport) -> Path:
    """Write worklist.html, worklist.csv, worklist.xlsx and run.json (each 0600, whole or not at all) under ``folder``.

    With life events also life_events.html, with lineage or pins why.html.
    The folder is made where it is missing, for its owner alone. Gives the path of worklist.html. Raises OSError where
    the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tallies = tally(report)
    lines = worklist(report, tallies)
    write_whole(folder / "worklist.csv", lambda file: write_csv(file, lines))
    write_whole(folder / "worklist.xlsx", lambda file: write_workbook(file, report, tallies, lines, scratch=folder))
    if report.life_events:
        write_whole(folder / "life_events.html", render_life_events(report).encode())
    if len(report.lineage) or len(report.pins):
        write_whole(folder / "why.html", render_why(report).encode())
    path = write_whole(folder / "worklist.html", render_worklist(report, tallies).encode())
    write_whole(folder / "run.json", json_bytes(run_summary(report, tallies)))
    return path
