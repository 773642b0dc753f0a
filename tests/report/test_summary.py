"""The summary in the terminal fits 80 columns, needs no colour, and says where the report lies."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from include.commands import run_summary
from include.commands.cli import app
from include.report.run.json_file import SCHEMA_VERSION as WRITTEN_VERSION
from include.report.run.writer import write_report
from tests.report.builders import a_busy_report, a_report, findings, outcomes


def printed(path: Path, **options: object) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=80, **options)
    run_summary.print_summary(run_summary.read_summary(path), path, console)
    return stream.getvalue()


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    write_report(tmp_path, a_busy_report())
    return tmp_path / "run.json"


def test_the_summary_reads_the_version_that_the_report_writes() -> None:
    assert run_summary.SCHEMA_VERSION == WRITTEN_VERSION


def test_the_summary_shows_outcomes_findings_links_stages_books_and_the_report(busy: Path) -> None:
    text = printed(busy)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "held 1 0" in lines
    assert "in scope 2 2" in lines
    assert "HTTP 500 three times failed Profiles 1" in lines
    assert "DEM-BIRTH-DATE critical 1 1 0 1" in lines
    assert "Investment eMoney 1" in lines
    assert "load profiles 75.0" in lines
    assert "2 clients in 200.0 seconds: 0.0 clients a second." in lines
    assert "The books balance: every client in scope has one outcome." in lines
    assert lines[-1] == str(busy.parent / "worklist.html")


def test_critical_rules_come_first(busy: Path) -> None:
    text = printed(busy)
    assert text.index("DEM-BIRTH-DATE  ") < text.index("HH-PRIMARY  ") < text.index("LIA-COMPUTED  ")


def test_the_summary_fits_eighty_columns_except_for_the_path(busy: Path) -> None:
    assert max(len(line) for line in printed(busy).splitlines()[:-1]) <= 80


def test_the_summary_says_the_same_without_colour(busy: Path) -> None:
    plain = printed(busy, force_terminal=True, no_color=True, color_system=None)
    assert "\x1b" not in plain
    assert plain == printed(busy)


def test_colour_is_only_added(busy: Path) -> None:
    assert "\x1b[1;31mcritical" in printed(busy, force_terminal=True, color_system="standard")


def test_a_name_in_a_reason_cannot_steer_the_terminal(tmp_path: Path) -> None:
    ended = outcomes({"outcome": "failed", "reason": "\x1b[2J[bold red]gone[/bold red]"})
    write_report(tmp_path, a_report(outcomes=ended))
    text = printed(tmp_path / "run.json")
    assert "\x1b" not in text
    assert "[bold red]gone" in text.replace("\n", "")


def test_a_run_without_findings_says_so(tmp_path: Path) -> None:
    write_report(tmp_path, a_report())
    assert "No rule found anything." in printed(tmp_path / "run.json")


def test_books_that_do_not_balance_are_an_error(tmp_path: Path) -> None:
    write_report(tmp_path, a_report(units_in_scope={"profiles": 5}))
    assert "do NOT balance" in printed(tmp_path / "run.json")
    assert run_summary.show(tmp_path / "run.json") == 1


def test_many_rules_are_cut_and_the_rest_is_counted(tmp_path: Path) -> None:
    write_report(tmp_path, a_report(findings=findings(*({"rule_id": f"RULE-{number:03}"} for number in range(50)))))
    assert "… and 10 more, in the report" in printed(tmp_path / "run.json")


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"schema_version": 99}'])
def test_a_file_that_is_no_summary_is_an_error_and_no_traceback(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(run_summary.UnreadableSummary, match=r"run\.json"):
        run_summary.read_summary(path)
    failed = CliRunner().invoke(app, ["show", str(path)])
    assert failed.exit_code == 1
    assert "run.json" in failed.output


def test_the_command_prints_the_summary(busy: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(busy)])
    assert result.exit_code == 0
    assert "What happened to 2 clients (2 households, 0 persons)" in result.output
