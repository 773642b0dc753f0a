"""The files of a report are whole and readable only for their owner, and their books balance."""

import csv
import json
import math
import stat
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
import pandas as pd
import pytest

from etl.files import write_whole
from expectations.rules import cards
from include.report.run.tallies import tally
from include.report.run.workbook import write_workbook
from include.report.run.worklist import worklist
from include.report.run.writer import write_report
from tests.report.builders import (
    a_busy_report,
    a_report,
    a_run,
    available,
    changes,
    findings,
    labels,
    outcomes,
    receipts,
)


def summary_of(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return summary


def test_four_files_are_written_for_their_owner_only_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = write_report(tmp_path / "reports" / "run", a_busy_report())
    assert path == tmp_path / "reports" / "run" / "worklist.html"
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert files == dict.fromkeys(("worklist.html", "worklist.csv", "worklist.xlsx", "run.json"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_second_report_of_the_run_replaces_the_first_and_is_the_same(tmp_path: Path) -> None:
    pages = [write_report(tmp_path, a_busy_report()).read_bytes() for _ in range(2)]
    assert pages[0] == pages[1]


def test_a_file_that_breaks_off_leaves_the_old_one_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "worklist.csv"
    target.write_text("old")

    def break_off(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(target, break_off)
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["worklist.csv"]


def test_books_balance_when_every_unit_has_one_outcome(tmp_path: Path) -> None:
    write_report(tmp_path, a_busy_report())
    books = summary_of(tmp_path)["books"]
    assert books["profiles"] == {
        "in_scope": 2, "outcomes": 2, "counted_twice": 0, "unknown_outcomes": 0, "balanced": True,
    }  # fmt: skip
    assert books["emoney"]["balanced"]


@pytest.mark.parametrize(
    ("ended", "scope"),
    [
        ([{}], {"profiles": 2}),
        ([{}, {}], {"profiles": 2}),
        ([{}, {"unit_key": "H2", "outcome": "lost"}], {"profiles": 2}),
        ([{}, {"vendor": "emoney"}], {"profiles": 1}),
    ],
    ids=["one unit is missing", "one unit is counted twice", "an outcome nobody knows", "a vendor without a scope"],
)
def test_books_do_not_balance(ended: list[dict[str, Any]], scope: dict[str, int], tmp_path: Path) -> None:
    write_report(tmp_path, a_report(outcomes=outcomes(*ended), units_in_scope=scope))
    assert not all(book["balanced"] for book in summary_of(tmp_path)["books"].values())


def test_run_json_counts_what_happened(tmp_path: Path) -> None:
    write_report(tmp_path, a_busy_report())
    summary = summary_of(tmp_path)
    assert summary["run"]["seconds"] == 200
    assert summary["outcomes"]["profiles"] == {
        "created": 0, "updated": 0, "unchanged": 0, "held": 1, "deferred": 0, "failed": 1, "skipped": 0,
    }  # fmt: skip
    assert summary["findings"]["by_status"] == {"new": 2, "known": 2, "mended": 1}
    assert summary["findings"]["by_severity"] == {"critical": 1, "warning": 2, "info": 1}
    assert summary["findings"]["by_rule"][0] == {
        "rule_id": "DEM-BIRTH-DATE", "severity": "critical", "vendors": ["profiles"],
        "units": 1, "findings": 1, "new": 1, "known": 0, "mended": 1, "waived": 0,
    }  # fmt: skip
    assert summary["newly_available"]["items"] == [
        {
            "vendor": "emoney",
            "unit_key": "H1",
            "source_key": "account:5",
            "category": "Investment",
            "owner": "client",
            "since": "2026-11-18",
        }
    ]
    assert summary["receipts"] == [{"vendor": "profiles", "rule_id": "POL-STATUS", "entity": "policy", "records": 3}]
    assert {tmp_path / name for name in summary["files"].values()} <= set(tmp_path.iterdir())


def test_run_json_holds_no_names(tmp_path: Path) -> None:
    write_report(tmp_path, a_busy_report())
    content = (tmp_path / "run.json").read_text()
    assert not [name for name in ("Abbott", "Baker", "Denver") if name in content]


def test_a_timing_that_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"The time of extract is not a finite number"):
        a_report(stages={"extract": math.nan, "load": 1.0})


def test_a_frame_without_a_column_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"findings lack the columns remedy"):
        a_report(findings=findings({}).drop(columns="remedy"))


def test_the_csv_holds_every_finding_with_its_household_outcome_and_consequence(tmp_path: Path) -> None:
    write_report(tmp_path, a_busy_report())
    with (tmp_path / "worklist.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file, strict=True))
    assert [(line["severity"], line["status"], line["unit_key"]) for line in lines] == [
        ("critical", "new", "H1"),
        ("critical", "mended", "H2"),
        ("warning", "known", "H1"),
        ("warning", "known", "H1"),
        ("info", "new", "H2"),
    ]
    assert lines[0]["household_name"] == "Abbott"
    assert lines[0]["outcome"] == "held"
    assert lines[0]["entity_id"] == "11"
    assert lines[0]["consequence"] == "This household is not sent to Profiles until the finding is mended."
    assert lines[1]["consequence"] == "Mended since the last run: there is nothing to do."


def test_consequences_can_have_other_words(tmp_path: Path) -> None:
    write_report(tmp_path, a_report(findings=findings({}), consequences={"critical": "{vendor} gets nothing."}))
    assert "Profiles gets nothing." in (tmp_path / "worklist.html").read_text(encoding="utf-8")


def test_the_workbook_has_its_sheets_with_frozen_headers_and_filters(tmp_path: Path) -> None:
    write_report(tmp_path, a_busy_report())
    book = openpyxl.load_workbook(tmp_path / "worklist.xlsx")
    assert book.sheetnames == ["worklist", "information", "outcomes", "by rule", "changes"]
    assert [sheet.freeze_panes for sheet in book] == ["A2"] * 5
    assert book["worklist"].auto_filter.ref == "A1:Q5"
    assert [row[9] for row in book["information"].iter_rows(min_row=2, values_only=True)] == ["LIA-COMPUTED"]
    assert [cell.value for cell in book["worklist"][1]][:4] == ["Severity", "Status", "Vendor", "Unit key"]
    title, *row = [cell.value for cell in book["by rule"][2]]
    assert title == cards.title("DEM-BIRTH-DATE")
    assert row[:9] == ["DEM-BIRTH-DATE", "critical", "Profiles", 1, 1, 1, 0, 1, 0]
    assert book["outcomes"].max_row == 5


def test_the_workbook_counts_what_was_unchanged(tmp_path: Path) -> None:
    write_report(
        tmp_path, a_report(outcomes=outcomes({}, {"unit_key": "H2"}, {"unit_key": "H3", "outcome": "updated"}))
    )
    first, *others = openpyxl.load_workbook(tmp_path / "worklist.xlsx")["outcomes"].iter_rows(
        min_row=2, values_only=True
    )
    assert first[1:3] == ("H3", "updated")
    assert [row[0] for row in others] == ["… and 2 that were unchanged: the ledger's outcome_v holds them all."]


def test_changes_have_old_and_new_values_if_the_run_gives_them(tmp_path: Path) -> None:
    changed = changes({}).assign(old="1", new="2")
    write_report(tmp_path, a_report(run=a_run(dry_run=True), changes=changed))
    sheet = openpyxl.load_workbook(tmp_path / "worklist.xlsx")["changes"]
    assert list(sheet.values) == [
        ("Vendor", "Unit key", "Field", "Decision", "Old", "New"),
        ("profiles", "H1", "clientA.lastName", "written", "1", "2"),
    ]


def test_the_last_row_says_where_the_rows_beyond_the_limit_are(tmp_path: Path) -> None:
    report = a_report(findings=findings(*({"entity_id": number} for number in range(30))))
    tallies, file = tally(report), BytesIO()
    write_workbook(file, report, tallies, worklist(report, tallies), tmp_path, sheet_rows=20)
    sheet = openpyxl.load_workbook(file)["worklist"]
    assert sheet.max_row == 20
    assert sheet.cell(20, 1).value == "… and more rows than fit on this sheet: worklist.csv holds them all."


def test_a_cell_too_long_for_a_spreadsheet_is_cut(tmp_path: Path) -> None:
    write_report(tmp_path, a_report(findings=findings({"message": "x" * 40_000})))
    sheet = openpyxl.load_workbook(tmp_path / "worklist.xlsx")["worklist"]
    assert len(str(sheet["N2"].value)) == 32_767


def test_rows_written_in_many_parts_arrive_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.report.sheets._ROWS_AT_A_TIME", 7)
    write_report(tmp_path, a_report(findings=findings(*({"entity_id": number} for number in range(100, 145)))))
    sheet = openpyxl.load_workbook(tmp_path / "worklist.xlsx")["worklist"]
    with (tmp_path / "worklist.csv").open(encoding="utf-8-sig", newline="") as file:
        in_csv = [line["entity_id"] for line in csv.DictReader(file, strict=True)]
    in_sheet = [row[0] for row in sheet.iter_rows(min_row=2, min_col=12, max_col=12, values_only=True)]
    assert in_sheet == in_csv == [str(number) for number in range(100, 145)]


def test_labels_are_optional_and_extra_columns_do_no_harm(tmp_path: Path) -> None:
    report = a_report(
        findings=findings({}).assign(value="not for anybody"),
        labels=pd.concat([labels({}), labels({})]),
        newly_available=available(),
        receipts=receipts(),
    )
    write_report(tmp_path, report)
    for file in tmp_path.iterdir():
        assert b"not for anybody" not in file.read_bytes()


def test_waived_findings_are_counted_apart_and_listed_as_waived(tmp_path: Path) -> None:
    waived = {"rule_id": "LIA-TERM", "severity": "critical", "status": "known", "waiver_id": 7}
    write_report(tmp_path, a_report(findings=findings({}, waived)))
    summary = summary_of(tmp_path)["findings"]
    assert (summary["open"], summary["waived"], summary["by_severity"]["critical"]) == (1, 1, 1)
    assert {rule["rule_id"]: rule["waived"] for rule in summary["by_rule"]}["LIA-TERM"] == 1
    with (tmp_path / "worklist.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = {line["rule_id"]: line["consequence"] for line in csv.DictReader(file, strict=True)}
    assert lines["LIA-TERM"] == "Waived: it holds nothing until the waiver ends."
    page = (tmp_path / "worklist.html").read_text()
    assert "<dt>Waived</dt><dd>1</dd>" in page
