"""The page with the sources of values escapes every cell and shows no value."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from include.report.run.model import LINEAGE_COLUMNS, PIN_COLUMNS
from include.report.run.pages import FIELDS_SHOWN, render_why
from include.report.run.writer import write_report
from tests.report.builders import a_report

ROW = (
    "profiles", "H12", "clientA.cellPhone", "written", "DEM-PICK", "contact_phone.number, key 9", "text", "run-1",
    "2026-11-20",
)  # fmt: skip
PIN = ("H12", "clientA.fax", "profiles", "<b>he has none</b>", "ann", datetime(2026, 11, 20, 9))


def lineage(*rows: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(LINEAGE_COLUMNS)).astype("str")


def pinned(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(PIN_COLUMNS))


def test_each_field_has_its_source_rule_decision_and_run() -> None:
    page = render_why(replace(a_report(), lineage=lineage(ROW)))
    for text in ("H12", ">clientA<", ">cellPhone<", *ROW[3:7], "as of 2026-11-20"):
        assert text in page
    assert "1 field" in page
    here = render_why(replace(a_report(), lineage=lineage((*ROW[:7], a_report().run.run_id, "2026-11-20"))))
    assert "in this run" in here


def test_pins_are_listed_with_side_reason_person_and_time() -> None:
    page = render_why(replace(a_report(), pins=pinned(PIN)))
    assert "&lt;b&gt;he has none&lt;/b&gt;" in page
    assert "2026-11-20 09:00 UTC" in page
    assert "<td>Profiles</td>" in page
    assert "<b>he" not in page


def test_a_long_list_is_cut_and_says_so() -> None:
    page = render_why(replace(a_report(), lineage=lineage(*[ROW] * (FIELDS_SHOWN + 1))))
    assert "Only the first 1,000 are shown" in page
    assert page.count("contact_phone.number") == FIELDS_SHOWN


def test_the_page_is_written_only_for_lineage_or_pins(tmp_path: Path) -> None:
    write_report(tmp_path / "bare", a_report())
    assert not (tmp_path / "bare" / "why.html").exists()
    write_report(tmp_path / "shown", replace(a_report(), lineage=lineage(ROW)))
    assert (tmp_path / "shown" / "why.html").stat().st_mode & 0o777 == 0o600


def test_the_worklist_links_to_the_page_if_there_is_one(tmp_path: Path) -> None:
    bare = write_report(tmp_path / "bare", a_report()).read_text()
    page = write_report(tmp_path / "shown", replace(a_report(), pins=pinned(PIN))).read_text()
    assert "why.html" not in bare
    assert 'href="why.html"' in page
