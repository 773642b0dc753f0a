"""Data Docs show counts and rules, no data of a client, and nothing from outside."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from expectations.rules import checks_of
from include.report.data_docs import render_data_docs, write_data_docs, write_results
from tests.expectations.facts import facts_with, sound_facts, verdict_of

HOSTILE = "<img src=x onerror=alert(1)>"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def page(tmp_path):
    """The page after both vendors were checked, with a hostile value among the facts."""
    for vendor in ("profiles", "emoney"):
        write_results(
            tmp_path / "data_docs", verdict_of(vendor, facts_with(vendor, "people", email=HOSTILE)).statistics
        )
    return write_data_docs(tmp_path / "data_docs").read_text()


def test_the_page_lists_every_check_of_both_vendors(page):
    for vendor in ("profiles", "emoney"):
        assert f"Suite {vendor}" in page
        without_rows = ("left_out", "faults")
        assert all(of_rule.rule_id in page for of_rule, check in checks_of(vendor) if check.frame not in without_rows)
    assert "left out: no rows" in page


def test_the_page_says_what_failed_and_how_often(page):
    row = next(row for row in re.findall(r"<tr.*?</tr>", page, re.S) if "DEM-E-MAIL" in row)
    cells = [re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)]
    assert cells[:3] == ["failed", "DEM-E-MAIL", "warning"]
    assert cells[4:6] == ["2", "1"]


def test_the_page_holds_no_value_no_script_and_no_address(page):
    assert "onerror" not in page
    assert "Ada" not in page
    tags = _Page(page).tags
    assert {tag for tag, _ in tags} <= {
        *("html", "head", "meta", "title", "style", "body", "a", "header", "main", "section", "div", "h1", "h2", "h3"),
        *("p", "span", "table", "thead", "tbody", "tr", "th", "td"),
    }
    assert not [name for _, attributes in tags for name in attributes if name in ("src", "style")]
    assert {attributes["href"] for _, attributes in tags if "href" in attributes} == {"#main"}
    assert not re.search(r"https?://|url\(|@import", page)


def test_the_page_carries_a_strict_content_security_policy(page):
    policies = [attributes["content"] for tag, attributes in _Page(page).tags if "http-equiv" in attributes]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")


def test_hostile_statistics_are_escaped():
    statistics = verdict_of("profiles", sound_facts()).statistics
    statistics = json.loads(json.dumps(statistics).replace("HH-HEAD", HOSTILE))
    assert HOSTILE not in render_data_docs([statistics]).decode()


def test_the_files_are_for_their_owner_only(tmp_path):
    write_results(tmp_path / "data_docs", verdict_of("profiles", sound_facts()).statistics)
    write_data_docs(tmp_path / "data_docs")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "data_docs").iterdir()} == {0o600}
