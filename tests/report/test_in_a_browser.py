"""The pages of a report in Chromium: axe has nothing to say, they fit a phone, the list prints as it is filtered."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from include.report.data_docs import render_data_docs
from include.report.manifest.writer import render_manifest
from include.report.run.pages import render_life_events, render_why
from include.report.run.writer import write_report
from tests.browser import accessibility_faults
from tests.end_to_end.browser import start_browser
from tests.expectations.facts import sound_facts, verdict_of
from tests.report.builders import a_busy_report, a_report, findings, labels, outcomes
from tests.report.test_hostile_text import HOSTILE
from tests.report.test_life_event_page import a_proposal
from tests.report.test_manifest import a_manifest
from tests.report.test_why_page import PIN, lineage, pinned
from tests.report.test_why_page import ROW as WHY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("report_in_a_browser")]

PHONE = {"width": 375, "height": 700, "deviceScaleFactor": 1, "mobile": False}
HOUSEHOLDS = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    driver = start_browser(webdriver.ChromeOptions())
    yield driver
    driver.quit()


def faults(browser: webdriver.Chrome, page: Path) -> list[str]:
    """What axe finds with all parts open, on a screen and on a phone, and whether it is too wide for the phone."""
    browser.get(page.as_uri())
    # Everything is open and drawn: axe cannot measure what the browser leaves out.
    opened = "one => { one.open = true; one.style.contentVisibility = 'visible' }"
    browser.execute_script(f"document.querySelectorAll('details').forEach({opened})")
    found = accessibility_faults(browser)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    found += accessibility_faults(browser)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return found + ([f"{width} pixels wide"] if width > PHONE["width"] else [])


def test_the_report_and_data_docs_have_no_fault(browser: webdriver.Chrome, tmp_path: Path) -> None:
    pattern = "https://crm.example.com/{kind}/{id}"
    page = write_report(tmp_path / "busy", replace(a_busy_report(), record_url=pattern))
    names = [{"unit_key": f"H{number}", "household_name": text} for number, text in enumerate(HOSTILE.values())]
    hostile = write_report(
        tmp_path / "hostile",
        a_report(
            outcomes=outcomes(*({"unit_key": one["unit_key"], "outcome": "held"} for one in names)),
            findings=findings(*({"unit_key": one["unit_key"], "message": one["household_name"] * 12} for one in names)),
            labels=labels(*names),
        ),
    )
    made = {
        "docs": render_data_docs([verdict_of("profiles", sound_facts("profiles")).statistics]).decode(),
        "why": render_why(replace(a_report(), lineage=lineage(WHY), pins=pinned(PIN))),
        "events": render_life_events(a_report(life_events=(a_proposal(),))),
        "manifest": render_manifest(a_manifest()),
    }
    for name, text in made.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    pages_made = [page, hostile, *(tmp_path / f"{name}.html" for name in made)]
    found = [f"{one.name}: {fault}" for one in pages_made for fault in faults(browser, one)]
    assert not found, "\n".join(found)


def test_the_list_counts_what_is_shown_and_prints_as_it_is_filtered(browser: webdriver.Chrome, tmp_path: Path) -> None:
    keys = [f"H{number}" for number in range(1, HOUSEHOLDS + 1)]
    known = [{"unit_key": key, "status": "known", "severity": "warning"} for key in keys[3:]]
    report = a_report(
        outcomes=outcomes(*({"unit_key": key} for key in keys)),
        findings=findings(*({"unit_key": key} for key in keys[:3]), *known),
        labels=labels(*({"unit_key": key, "household_name": f"Household {key}"} for key in keys)),
    )
    browser.get(write_report(tmp_path, report).as_uri())
    assert shown(browser) == (HOUSEHOLDS, str(HOUSEHOLDS))
    assert pages(browser) <= 2
    browser.find_element(By.ID, "show-critical").click()
    assert shown(browser) == (3, "3")
    assert pages(browser) == 1


def shown(browser: webdriver.Chrome) -> tuple[int, str]:
    """How many households can be seen, and the count that the page says."""
    visible = sum(unit.is_displayed() for unit in browser.find_elements(By.CSS_SELECTOR, ".unit"))
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    texts = [node["name"]["value"] for node in nodes if node["role"]["value"] == "StaticText"]
    after = next(place for place, text in enumerate(texts) if text.strip().endswith("listed here are shown."))
    return visible, texts[after - 1].strip()


def pages(browser: webdriver.Chrome) -> int:
    """How many pages of paper the report takes."""
    made = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.5, "paperHeight": 11})["data"]
    return base64.b64decode(made).count(b"/Type /Page\n") or base64.b64decode(made).count(b"/Type/Page")
