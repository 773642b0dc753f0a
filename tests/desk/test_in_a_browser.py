"""The pages of the desk in Chromium: axe has nothing to say, they fit a narrow window, a keyboard is enough."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from include.report.run.writer import write_report
from include.runtime.context import reports_of
from tests.browser import accessibility_faults
from tests.desk.office import Office, make_office, serving
from tests.desk.test_worklist import two_nights
from tests.end_to_end.browser import start_browser
from tests.report.builders import a_busy_report

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("desk_in_a_browser")]

PAGES = (
    "/", "/?state=all&rows=500&rule=DEM-NAME", "/?advisor=nobody", "/items/1", "/search", "/runs", "/runs/run-2",
    "/tonight", "/checks", "/coverage", "/differences", "/conflicts", "/waivers", "/guards",
    "/household/H1", "/trends", "/trends?rule=DEM-NAME", "/trends/never-sent/emoney", "/no-such-page",
)  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    crm = {"record_url": "https://crm.example.com/{kind}/{id}"}
    made = make_office(tmp_path_factory.mktemp("office"), two_nights, crm=crm)
    write_report(reports_of(made.desk.settings, "run-2"), a_busy_report())
    yield made
    made.ledger.engine.dispose()


@pytest.fixture(scope="module")
def browser(office: Office) -> Iterator[webdriver.Chrome]:
    """An administrator's."""
    office.visitor("admin", is_admin=True)
    with serving(office) as base:
        driver = start_browser(webdriver.ChromeOptions())
        driver.get(f"{base}/no-such-page")
        driver.add_cookie({"name": "account", "value": "admin"})
        yield driver
        driver.quit()


def go(browser: webdriver.Chrome, path: str) -> None:
    """To another page of the desk."""
    browser.get(urljoin(browser.current_url, path))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_fault_that_axe_finds_and_fits_320_pixels(browser: webdriver.Chrome, path: str) -> None:
    go(browser, path)
    assert accessibility_faults(browser) == []
    narrow = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 320
    assert accessibility_faults(browser) == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_what_the_search_field_finds_has_no_fault_either(browser: webdriver.Chrome) -> None:
    go(browser, "/")
    browser.find_element(By.ID, "q").send_keys("castellan" + Keys.ENTER)
    WebDriverWait(browser, 30).until(lambda _: "1 household or person" in browser.title)
    assert accessibility_faults(browser) == []


def test_on_paper_the_list_stands_without_forms(browser: webdriver.Chrome) -> None:
    go(browser, "/?state=all")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.find_element(By.CSS_SELECTOR, "tbody tr").is_displayed()
    assert [one for one in browser.find_elements(By.CSS_SELECTOR, "form, nav, input") if one.is_displayed()] == []
    assert "Work list: 4 items" in browser.find_element(By.TAG_NAME, "h1").text
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_an_item_is_acknowledged_with_the_keyboard_alone(browser: webdriver.Chrome) -> None:
    go(browser, "/?rule=ACC-NET")
    tick = browser.find_element(By.NAME, "item")
    for _ in range(60):
        if browser.switch_to.active_element == tick:
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element == tick
    tick.send_keys(Keys.SPACE)
    browser.find_element(By.CSS_SELECTOR, "button[value=acknowledge]").send_keys(Keys.ENTER)
    said = WebDriverWait(browser, 30).until(lambda _: browser.find_element(By.CSS_SELECTOR, "[role=status]"))
    assert said.text == "1 item acknowledged."
    assert browser.current_url.endswith("/?rule=ACC-NET")
