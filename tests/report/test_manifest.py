"""A transfer's manifest is whole, runs nothing, shows names as dead text, and is the same in every file."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from expectations.rules import FINDING_COLUMNS
from include.report.manifest.model import CLOSURE_COLUMNS, FIELD_COLUMNS, Manifest
from include.report.manifest.writer import render_manifest, write_manifest
from tests.report.pages import Page, read_page
from tests.report.test_hostile_text import HOSTILE, unseen

FACTS = {"From": "Main (office 1)", "To": "Lakeside (office 2)", "Asked for by": "mover", "Received by": "receiver"}


def a_record(**cells: Any) -> dict[str, Any]:
    usual = {"entity": "smartpad_note", "entity_id": "5", "contact_id": 11, "group": 1, "decision": "move"}
    return usual | {"rule_id": "XFR-NOTES", "reason": "its contact moves", "target_id": None} | cells


def a_manifest(records: list[dict[str, Any]] | None = None, **parts: Any) -> Manifest:
    """One contact with a note that moves and an invitation that stays."""
    rows = records or [
        a_record(entity="contact", entity_id="11", rule_id="XFR-SET", reason="it is in the set"),
        a_record(),
        a_record(
            entity="event_invitation", entity_id="7", decision="stay", rule_id="XFR-NOT-MOVED", reason="they stay"
        ),
    ]
    usual: dict[str, Any] = {
        "transfer_id": "t1",
        "status": "planned",
        "facts": FACTS,
        "records": pd.DataFrame(rows).astype({"contact_id": "Int64", "group": "Int64", "target_id": "str"}),
        "contacts": pd.DataFrame({"contact_id": [11], "name": ["Ada Byron"], "kind": ["Client"]}),
    }
    return Manifest(**{**usual, **parts})


def page_of(manifest: Manifest, limit: int = 500) -> Page:
    return read_page(render_manifest(manifest, limit))


def a_finding(**cells: Any) -> pd.DataFrame:
    usual = dict.fromkeys(FINDING_COLUMNS, "") | {"severity": "critical", "entity": "contact", "entity_id": "11"}
    return pd.DataFrame([usual | cells])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a manifest in which each hostile text is a name, a reason, a key and a message."""
    texts = list(HOSTILE.values())
    ids = range(100, 100 + len(texts))
    rows = [
        a_record(entity="contact", entity_id=str(one), contact_id=one, reason=text)
        for one, text in zip(ids, texts, strict=True)
    ]
    rows += [a_record(entity="custom_field_value", entity_id=text, contact_id=100, decision="stay") for text in texts]
    closure = pd.DataFrame([(1, text, text, True) for text in texts], columns=list(CLOSURE_COLUMNS))
    fields = pd.DataFrame([("policy", "3", 100, text, "XFR-PARTIES", text) for text in texts], columns=FIELD_COLUMNS)
    folder = tmp_path_factory.mktemp("hostile")
    contacts = pd.DataFrame({"contact_id": list(ids), "name": texts, "kind": texts})
    findings = pd.concat([a_finding(message=text, remedy=text) for text in texts])
    write_manifest(
        folder, a_manifest(rows, contacts=contacts, closure=closure, fields=fields, findings=findings, ended=texts[0])
    )
    return folder


def test_the_page_shows_hostile_names_as_text(folder: Path) -> None:
    html = (folder / "manifest.html").read_text(encoding="utf-8")
    page = read_page(html)
    assert page.misnested == []
    assert page.open_tags == []
    assert not page.all("script", "iframe", "form", "img", "link", "base")
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert not page.values("onmouseover")
    assert "{{ 7 * 7 }}" in page.text
    assert "Smith\\u202egnp.exe\\u2066" in page.text
    assert unseen(html) == {"\n"}


def test_no_cell_of_the_csv_starts_like_a_formula(folder: Path) -> None:
    with (folder / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file, strict=True) for cell in row]
    assert not [cell for cell in cells if cell.strip()[:1] in tuple("=+-@＝＋－＠")]
    assert not [cell for cell in cells if unseen(cell)]
    assert '\'=HYPERLINK("http://example.com","Click")' in cells


def test_the_workbook_holds_nothing_but_text_and_counts(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "manifest.xlsx")
    assert book.sheetnames == ["manifest", "by table", "by rule", "fields left out", "closure list", "held back"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}
    assert {cell.parent.title for cell in cells if cell.data_type == "n"} == {"by table", "by rule"}
    assert not [cell for cell in cells if cell.hyperlink]
    assert not [cell.value for cell in cells if str(cell.value).strip()[:1] in tuple("=+-@＝＋－＠")]


def test_only_the_owner_reads_the_files(folder: Path) -> None:
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ("manifest.html", "manifest.csv", "manifest.xlsx", "manifest.json"), 0o600
    )


def test_the_security_policy_allows_this_style_sheet_and_nothing_else() -> None:
    html = render_manifest(a_manifest())
    [policy] = [
        tag["content"] for tag in read_page(html).all("meta") if tag.get("http-equiv") == "Content-Security-Policy"
    ]
    style = re.search("<style>(.*)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_nothing_on_the_page_leads_outside() -> None:
    page = page_of(a_manifest())
    addresses = {address for address in page.values("href") if not address.startswith("#")}
    assert addresses == {"manifest.csv", "manifest.xlsx", "worklist.html"}
    anchors = {address[1:] for address in page.values("href") if address.startswith("#")}
    assert anchors <= set(page.values("id"))


def test_a_plan_says_what_would_move_and_afterwards_what_moved() -> None:
    before, after = page_of(a_manifest()), page_of(a_manifest(agrees=True, ended="Accepted by receiver."))
    assert "1 contact would move." in before.words
    assert "1 contact moved." in after.words
    assert "What happened equals the manifest, row by row." in after.words
    assert "What happened" not in before.words


def test_a_difference_from_the_manifest_is_reported_to_the_operator() -> None:
    assert "What happened does NOT equal the manifest: tell the operator." in page_of(a_manifest(agrees=False)).words


def test_groups_that_could_not_move_are_listed_with_their_reason() -> None:
    groups = pd.DataFrame({"group": ["1"], "status": ["failed"], "why": ["REFUSED: a key (policy 3)"]})
    records = [a_record(entity="contact", entity_id="11", decision="failed")]
    page = page_of(a_manifest(records, groups=groups, agrees=True))
    assert "REFUSED: a key (policy 3)" in page.words
    assert "1 could not move" in page.words


def test_held_contacts_are_named_with_what_to_do() -> None:
    finding = a_finding(rule_id="XFR-PRESENT", message="There already.", remedy="Merge them.")
    words = page_of(a_manifest(findings=finding)).words
    assert "Ada Byron 11 XFR-PRESENT There already. Merge them." in words


def test_an_empty_set_has_a_page_too() -> None:
    nothing = a_manifest().records.iloc[:0]
    nobody = pd.DataFrame({"contact_id": pd.array([], dtype="Int64"), "name": [], "kind": []})
    assert "The set is empty" in page_of(Manifest("t1", "planned", FACTS, nothing, nobody)).words


def test_only_some_contacts_are_shown_where_there_are_many() -> None:
    rows = [a_record(entity="contact", entity_id=str(one), contact_id=one) for one in range(20)]
    contacts = pd.DataFrame({"contact_id": range(20), "name": "Ada", "kind": "Client"})
    page = page_of(a_manifest(rows, contacts=contacts), limit=5)
    assert "Only the first 5 are shown here." in page.words
    assert len([tag for tag in page.all("details") if str(tag.get("class")).startswith("unit")]) == 5


def test_a_contact_with_ten_thousand_notes_is_one_line() -> None:
    rows = [a_record(entity="contact", entity_id="11"), *(a_record(entity_id=str(one)) for one in range(10_000))]
    html = render_manifest(a_manifest(rows))
    assert "10,000" in read_page(html).words
    assert len(html) < 100_000


def test_every_record_is_in_the_csv_once_and_its_fields_beside_it(tmp_path: Path) -> None:
    fields = pd.DataFrame(
        [("policy", "3", 11, "owner_contact_id", "XFR-PARTIES", "not there")], columns=list(FIELD_COLUMNS)
    )
    write_manifest(tmp_path, a_manifest(fields=fields))
    with (tmp_path / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = [(line["entity"], line["entity_id"], line["field"], line["decision"]) for line in csv.DictReader(file)]
    assert sorted(lines) == [
        ("contact", "11", "", "move"),
        ("event_invitation", "7", "", "stay"),
        ("policy", "3", "owner_contact_id", "stay"),
        ("smartpad_note", "5", "", "move"),
    ]


def test_the_counts_for_machines_hold_no_name(tmp_path: Path) -> None:
    write_manifest(tmp_path, a_manifest())
    text = (tmp_path / "manifest.json").read_text()
    summary = json.loads(text)
    assert "Byron" not in text
    assert summary["by_table"][0] == {"entity": "contact", "move": 1, "recreate": 0, "stay": 0, "failed": 0}
    assert {"rule_id": "XFR-NOT-MOVED", "decision": "stay", "records": 1, "contacts": 1} in summary["by_rule"]


def test_a_manifest_without_a_column_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="records lack the columns rule_id"):
        Manifest("t1", "planned", FACTS, a_manifest().records.drop(columns="rule_id"), a_manifest().contacts)
