"""The sandboxes' pages in Chromium: axe has nothing to say, they fit a phone, and they ask before they delete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.browser import accessibility_faults
from tests.end_to_end.browser import start_browser
from tests.sandbox.running import Caller, EmoneyCaller, household, investment, line, policy

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("sandboxes_in_a_browser")]

PHONE = {"width": 375, "height": 700, "deviceScaleFactor": 1, "mobile": False}


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    driver = start_browser(webdriver.ChromeOptions())
    yield driver
    driver.quit()


def faults(browser: webdriver.Chrome, address: str) -> list[str]:
    """What axe finds on a page, on a screen and on a phone, and whether it is too wide for the phone."""
    browser.get(address)
    found = accessibility_faults(browser)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    found += accessibility_faults(browser)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return found + ([f"{width} pixels wide"] if width > PHONE["width"] else [])


def test_profiles(browser: webdriver.Chrome, profiles: Caller) -> None:
    assets = [
        {"externalSourceId": "account:5", "accountName": "Brokerage " * 9, "holdingsValue": 1234.5, "owner": "clientA",
         "holdings": [{"ticker": "VTI", "holdingName": "Market"}]},
    ]  # fmt: skip
    created = profiles("POST", "/api/households", json=household(assets=assets, riskProfile="low")).json()
    case = f"{profiles.url}/cases/{created['caseId']}"
    pages = ["", "/households", "/households?q=zzz", "/cases/999"]
    assert [fault for page in pages for fault in faults(browser, profiles.url + page)] == []
    forms = ["", "/edit?at=clientA", "/edit?at=assets.0", "/edit?at=notes", "/add?to=assets", "/delete?at=assets.0"]
    assert [fault for form in forms for fault in faults(browser, case + form)] == []

    browser.get(case)
    browser.find_element(By.CSS_SELECTOR, "a[href$='/delete?at=assets.0']").click()
    assert browser.find_element(By.TAG_NAME, "h1").text == "Delete asset?"
    browser.find_element(By.LINK_TEXT, "Cancel").click()
    assert "Brokerage" in browser.find_element(By.TAG_NAME, "main").text
    browser.find_element(By.CSS_SELECTOR, "a[href$='/delete?at=assets.0']").click()
    browser.find_element(By.CSS_SELECTOR, "button.danger").click()
    assert "Brokerage" not in browser.find_element(By.TAG_NAME, "main").text


def test_emoney(browser: webdriver.Chrome, emoney: EmoneyCaller) -> None:
    client = emoney.add_client(maritalStatus="Married")
    emoney.send_form(f"/clients/{client}/spouse", firstName="Bo", lastName="Lee")
    emoney.deliver("f1", line(client, investment(), policy()))
    emoney.link(client, {"sourceKey": "account:5", "classification": "Roth IRA", "owner": "spouse"})
    pages = ["", "/clients", "/clients?q=zzz", "/feeds", "/clients/999"]
    assert [fault for page in pages for fault in faults(browser, emoney.url + page)] == []
    forms = ["", "/edit", "/spouse", "/spouse/delete"]
    assert [fault for form in forms for fault in faults(browser, f"{emoney.url}/clients/{client}{form}")] == []
