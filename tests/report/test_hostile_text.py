"""Whatever a name in the CRM holds, it is dead text in every file of the report."""

import csv
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.report.data_docs import render_data_docs
from include.report.display import neutralise, show
from include.report.run.model import LINEAGE_COLUMNS, PIN_COLUMNS
from include.report.run.pages import render_life_events, render_why
from include.report.run.proposals import PersonGoes, Proposal, RecordGoes
from include.report.run.writer import write_report
from tests.expectations.facts import facts_with, verdict_of
from tests.report.builders import a_report, findings, labels, outcomes
from tests.report.pages import read_page

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "end of details": "</details></main><h1>Owned</h1>",
    "attribute": '" onmouseover="alert(1)" x="',
    "template": "{{ 7 * 7 }}{% raw %}",
    "hyperlink": '=HYPERLINK("http://example.com","Click")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "blank before": "  =1+1",
    "full width": "＝1+1",
    "tab": "\t=1+1",
    "carriage return": "\r=1+1",
    "new line": "Smith\n=1+1",
    "null": "Smi\x00th",
    "bidi": "Smith\u202egnp.exe\u2066",
    "zero width": "Smi\u200bth\ufeff",
    "encoded": "Smith_x202E_gnp",
    "rich": "<r><t>bold</t></r>",
    "tag characters": "Smith\U000e0041",
    "300 characters": "Smith" * 60,
    "emoji": "Zoë 👩‍👩‍👧 Smith",
    "right to left": "\u200fשמיט\u202a (Smith)",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which each hostile text is a name, a message, a reason and a unit key."""
    keys = [f"H{number}" for number in range(len(HOSTILE) - 1)] + [HOSTILE["script"]]
    texts = list(HOSTILE.values())
    pairs = list(zip(keys, texts, strict=True))
    folder = tmp_path_factory.mktemp("hostile")
    write_report(
        folder,
        a_report(
            outcomes=outcomes(*({"unit_key": key, "outcome": "held", "reason": text} for key, text in pairs)),
            findings=findings(*({"unit_key": key, "message": text, "remedy": text} for key, text in pairs)),
            labels=labels(*(_names(key, text) for key, text in pairs)),
        ),
    )
    return folder


def _names(key: str, text: str) -> dict[str, Any]:
    return {"unit_key": key, "household_name": text, "head_name": text, "office_name": text, "assigned_user": text}


def unseen(text: str) -> set[str]:
    """The characters of a text that cannot be seen, line ends of the file itself left aside."""
    return {character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def cells_of(folder: Path) -> list[list[Any]]:
    with (folder / "worklist.csv").open(encoding="utf-8-sig", newline="") as file:
        return [list(row) for row in csv.reader(file, strict=True)]


def test_the_page_shows_hostile_names_as_text(folder: Path) -> None:
    html = (folder / "worklist.html").read_text(encoding="utf-8")
    page = read_page(html)
    assert page.misnested == []
    assert not page.all("script")
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert not page.values("onmouseover")
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "Smith\\u202egnp.exe\\u2066" in page.text
    assert "Smi\\u0000th" in page.text
    assert unseen(html) == {"\n"}


def test_ids_and_anchors_hold_with_hostile_unit_keys(folder: Path) -> None:
    page = read_page((folder / "worklist.html").read_text(encoding="utf-8"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert all(" " not in name and "<" not in name for name in ids)
    assert {address[1:] for address in page.values("href") if address.startswith("#")} <= set(ids)


def test_every_name_is_read_as_it_is_typed(folder: Path) -> None:
    text = read_page((folder / "worklist.html").read_text(encoding="utf-8")).text
    assert [name for name, typed in HOSTILE.items() if show(typed.strip()) not in text] == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_pages_beside_the_work_list_show_hostile_text_as_text(text: str) -> None:
    """The life events, where values come from, and the checks."""
    people = (PersonGoes(101, text, text, text),)
    records = (RecordGoes("account:1", text, 101, text, False),)
    event = Proposal("emoney", "H1", "divorce", text, text, (text,), people, records, reason=text, is_confirmed=True)
    named = a_report(life_events=(event,), labels=labels({"household_name": text}))
    why = pd.DataFrame([dict.fromkeys(LINEAGE_COLUMNS, text) | {"vendor": "emoney"}])
    pins = pd.DataFrame([dict.fromkeys(PIN_COLUMNS, text) | {"pinned_at": "2026-11-20 09:00:00"}])
    statistics = verdict_of("profiles", facts_with("profiles", "people", email=text)).statistics
    pages = {
        "life events": render_life_events(named),
        "why": render_why(replace(named, lineage=why, pins=pins)),
        "checks": render_data_docs([statistics]).decode(),
    }
    for name, html in pages.items():
        page = read_page(html)
        assert (page.misnested, page.open_tags) == ([], []), name
        assert unseen(html) <= {"\n"}, name
        assert not page.all("script", "img", "iframe", "form"), name
        assert not page.values("onmouseover"), name
        assert (show(text.strip()) in page.text) is (name != "checks"), name


def test_no_cell_of_the_csv_starts_like_a_formula(folder: Path) -> None:
    rows = cells_of(folder)
    assert len(rows) == len(HOSTILE) + 1
    assert {len(row) for row in rows} == {17}
    assert not [cell for row in rows for cell in row if cell.strip()[:1] in tuple("=+-@＝＋－＠")]
    assert not [cell for row in rows for cell in row if unseen(cell)]
    assert '\'=HYPERLINK("http://example.com","Click")' in {cell for row in rows for cell in row}


def test_the_csv_begins_with_a_byte_order_mark_and_ends_its_lines_as_the_standard_says(folder: Path) -> None:
    content = (folder / "worklist.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == content.count(b"\n") == len(HOSTILE) + 1


def test_the_workbook_holds_nothing_but_text_and_counts(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "worklist.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    counts = [cell for cell in cells if cell.data_type == "n"]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}
    assert {(cell.parent.title, type(cell.value)) for cell in counts} == {("by rule", int)}
    assert not [cell for cell in cells if cell.hyperlink]
    assert not [cell.value for cell in cells if str(cell.value).strip()[:1] in tuple("=+-@＝＋－＠")]
    assert not [cell.value for cell in cells if unseen(str(cell.value))]


def test_the_workbook_does_not_decode_what_looks_encoded(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "worklist.xlsx")
    names = {row[4] for row in book["worklist"].iter_rows(min_row=2, values_only=True)}
    assert "Smith_x005F_x202E_gnp" in names


def test_the_workbook_says_what_the_csv_says(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "worklist.xlsx")
    rows = [[cell or "" for cell in row] for row in book["worklist"].iter_rows(min_row=2, values_only=True)]
    spelled = [[cell.replace("_x202E_", "_x005F_x202E_") for cell in row] for row in cells_of(folder)[1:]]
    assert rows == spelled


def test_every_unseen_character_of_unicode_is_spelled_out() -> None:
    points = [chr(point) for point in range(sys.maxunicode + 1)]
    missed = [character for character in points if unseen(character) and show(character) == character]
    assert missed == []


@given(st.text())
def test_shown_text_has_nothing_unseen_and_showing_twice_is_showing_once(text: str) -> None:
    shown = show(text)
    assert unseen(shown) == set()
    assert show(shown) == shown


@given(st.text())
def test_a_neutralised_cell_never_starts_like_a_formula(text: str) -> None:
    assert neutralise(text).strip()[:1] not in tuple("=+-@＝＋－＠\t\r")


@pytest.mark.parametrize("name", ["O'Neil", "Müller-Lüdenscheidt", "山田太郎", "José María", "Smith & Sons", "a=b"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert neutralise(name) == name
