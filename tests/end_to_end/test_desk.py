"""A steward's morning in Chromium at a running Airflow: check again, waive with two people, decide a conflict."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import accessibility_faults
from tests.end_to_end.browser import start_browser
from tests.end_to_end.live import DECIDER, Live
from tests.load.advisors import edit_person

pytestmark = [pytest.mark.airflow, pytest.mark.browser, pytest.mark.xdist_group("live")]

# Of one check, with a warm scheduler.
SECONDS = 30


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    driver = start_browser(webdriver.ChromeOptions())
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def morning(live: Live) -> Live:
    """Three households after two nights: without a birth date, without a product, and edited by an advisor."""
    live.connect_its_own()
    book = live.book
    for number in (70, 71, 72):
        book.couple(number)
    book.crm.update("contact", {"contact_id": 7001}, birth_date=None)
    book.crm.update("policy", {"policy_id": 71}, product_id=None)
    book.phone(72, 7201, "555-0100")
    units: dict[str, Any] = {"unit_keys": ("H70", "H71", "H72")}
    book.run("2026-11-19", **units)
    edit_person(live.vendors, key="household:72", cellPhone="555-0111")
    book.crm.update("contact_phone", {"phone_id": 72}, number="555-0122")
    book.run("2026-11-20", **units)
    return live


class Steward:
    """Somebody who has logged in, with a browser."""

    def __init__(self, live: Live, browser: webdriver.Chrome, name: str) -> None:
        self.browser, self.base = browser, live.services.base
        self.browser.get(f"{self.base}/api/v2/version")
        self.browser.delete_all_cookies()
        self.browser.add_cookie({"name": "_token", "value": live.services.visitor(name).token})

    def open(self, path: str) -> None:
        self.browser.get(f"{self.base}/desk{path}")

    def follow(self, words: str) -> None:
        self.browser.find_element(By.LINK_TEXT, words).click()

    def press(self, words: str) -> None:
        self.browser.find_element(By.XPATH, f"//button[contains(normalize-space(.), '{words}')]").click()

    def has_no_fault(self) -> bool:
        """Whether axe has nothing to say about the page."""
        faults = accessibility_faults(self.browser)
        assert faults == []
        return True

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.browser.find_element(By.CSS_SELECTOR, f"#main [name={name}]").send_keys(value)

    @property
    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def wait_for(self, words: str, seconds: float = SECONDS) -> float:
        """Waits until the page says it, as it looks again by itself; gives the seconds."""
        begun = time.monotonic()

        def is_there(_: Any) -> bool:
            return words in self.text

        WebDriverWait(self.browser, seconds, ignored_exceptions=[StaleElementReferenceException]).until(is_there, words)
        return time.monotonic() - begun


def case_of(live: Live, unit: int) -> dict[str, Any]:
    return dict(live.vendors.case_of(f"household:{unit}")["document"]["clientA"])


def test_household_is_mended_and_checked_again(morning: Live, browser: webdriver.Chrome) -> None:
    steward = Steward(morning, browser, "admin")
    steward.open("/?text=H70&rule=DEM-BIRTH-DATE")
    link = next(one for one in browser.find_elements(By.CSS_SELECTOR, "td a, th a") if "/items/" in _href(one))
    link.click()
    morning.book.crm.update("contact", {"contact_id": 7001}, birth_date=date(1970, 5, 1))
    steward.press("Check H70 again")
    seconds = steward.wait_for("Mended: ")
    assert steward.has_no_fault()
    print(f"checked again in {seconds:.1f} s")
    assert "Birth" in steward.text
    assert "Created" in steward.text
    (run,) = morning.rows("SELECT * FROM run_v WHERE dag_id = 'household_check' ORDER BY started_at DESC LIMIT 1")
    assert (run["status"], run["triggered_by"]) == ("success", "admin")
    (item,) = morning.rows("SELECT state FROM work_item_v WHERE unit_key = 'H70' AND rule_id = 'DEM-BIRTH-DATE'")
    assert item["state"] == "mended"


def test_two_people_waive_a_critical_rule(morning: Live, browser: webdriver.Chrome) -> None:
    (item,) = morning.rows("SELECT item_id FROM work_item_v WHERE unit_key = 'H71' AND rule_id = 'POL-NAME-MISSING'")
    first = Steward(morning, browser, "admin")
    first.open(f"/items/{item['item_id']}")
    first.follow("Waive")
    assert "the household goes as it is" in first.text
    assert first.has_no_fault()
    first.fill(until="12312026", reason="The carrier names the product in spring")
    first.press("Waive")
    first.wait_for("Waits for a second person")
    place = browser.current_url.partition("/desk")[2]
    second = Steward(morning, browser, DECIDER)
    second.open(place)
    assert second.has_no_fault()
    second.press("Approve in my name")
    second.wait_for("In force, signed by two")
    second.open(f"/items/{item['item_id']}")
    second.press("Check H71 again")
    second.wait_for("What went")
    assert second.text.count("Created") == 2


def test_conflict_is_decided_for_the_crm(morning: Live, browser: webdriver.Chrome) -> None:
    steward = Steward(morning, browser, "admin")
    assert case_of(morning, 72)["cellPhone"] == "555-0111"
    steward.open("/conflicts/H72")
    assert "text of 8 characters" in steward.text
    assert steward.has_no_fault()
    steward.fill(reason="Asked her")
    steward.press("SmartOffice is right")
    steward.wait_for("Decided for SmartOffice")
    (item,) = morning.rows("SELECT item_id FROM work_item_v WHERE unit_key = 'H72' AND rule_id = 'PROFILES-KEPT'")
    steward.open(f"/items/{item['item_id']}")
    steward.press("Check H72 again")
    steward.wait_for("Mended: 1 item")
    assert case_of(morning, 72)["cellPhone"] == "555-0122"


def _href(element: Any) -> str:
    return str(element.get_attribute("href") or "")
