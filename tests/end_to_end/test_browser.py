"""What people look at, in Chromium with scripts switched off: the worklist of a real run and the sandboxes' pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.end_to_end.browser import start_browser
from tests.end_to_end.world import Night, World

pytestmark = [pytest.mark.airflow, pytest.mark.browser, pytest.mark.xdist_group("terminal")]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = start_browser(options)
    yield driver
    driver.quit()


def open_page(browser: webdriver.Chrome, address: str) -> str:
    """The text of a page; fails where the console has something to say or an outside address is asked for."""
    browser.get(address)
    assert browser.get_log("browser") == []
    linked = [element.get_attribute("src") or "" for element in browser.find_elements(By.CSS_SELECTOR, "[src]")]
    assert [source for source in linked if re.match(r"https?://(?!127\.0\.0\.1)", source)] == []
    return browser.find_element(By.TAG_NAME, "body").text


def test_the_worklist_shows_whom_it_holds_and_what_to_do(browser: webdriver.Chrome, world: World, night: Night) -> None:
    text = open_page(browser, (world.report(night) / "worklist.html").as_uri())
    assert [words for words in ("Nightingale", "DEM-BIRTH-DATE", "Fotheringay", "ACC-MONEY") if words not in text] == []
    for folded in browser.find_elements(By.CSS_SELECTOR, "details:not([open]) > summary"):
        folded.click()
    assert "Contact › Personal › Birth Date" in browser.find_element(By.TAG_NAME, "body").text


def test_a_report_on_a_narrow_screen_does_not_scroll_sideways(
    browser: webdriver.Chrome, world: World, night: Night
) -> None:
    browser.set_window_size(500, 900)
    open_page(browser, (world.report(night) / "worklist.html").as_uri())
    page = browser.find_element(By.TAG_NAME, "html")
    assert page.size["width"] <= 500
    browser.set_window_size(1280, 900)


def test_the_data_docs_open_without_any_client(browser: webdriver.Chrome, world: World, night: Night) -> None:
    text = open_page(browser, (world.report(night) / "data_docs" / "index.html").as_uri())
    assert "DEM-BIRTH-DATE" in text
    assert "Nightingale" not in text


@pytest.mark.parametrize(("vendor", "client"), [("profiles", "Castellan"), ("emoney", "Castellan")])
def test_the_sandboxes_show_what_was_sent(
    browser: webdriver.Chrome, world: World, night: Night, vendor: str, client: str
) -> None:
    assert client in open_page(browser, world.vendors[vendor].url)
    browser.find_element(By.PARTIAL_LINK_TEXT, client).click()
    text = browser.find_element(By.TAG_NAME, "body").text
    assert browser.get_log("browser") == []
    assert "Lantern Brokerage" in text
    assert "12 Lantern Walk" in text
