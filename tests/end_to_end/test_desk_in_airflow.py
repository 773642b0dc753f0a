"""The desk inside a running Airflow, in a real browser: the log-in and back, the menu, a run's tab, an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TypeVar
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.airflow_home import SECRETS
from tests.browser import accessibility_faults
from tests.end_to_end.browser import start_browser
from tests.end_to_end.live import DAG, DECIDER, Live

pytestmark = [pytest.mark.airflow, pytest.mark.browser, pytest.mark.xdist_group("live")]

Found = TypeVar("Found")
PATIENCE = 60


class Steward:
    """Somebody at a browser, who opens the desk by its address and is asked to log in."""

    def __init__(self, live: Live, driver: webdriver.Chrome) -> None:
        self.live, self.driver = live, driver
        self.at_airflow = driver.current_window_handle

    def go(self, path: str) -> None:
        self.driver.get(f"{self.live.services.base}{path}")

    def log_in(self) -> None:
        self.wait(lambda: self.driver.find_element(By.NAME, "username")).send_keys(DECIDER)
        self.driver.find_element(By.NAME, "password").send_keys(SECRETS["users"] + Keys.ENTER)

    def see(self, words: str) -> str:
        """Waits until the page says so; gives all that it says."""
        self.wait(lambda: words in self.text())
        return self.text()

    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text

    def press(self, words: str) -> None:
        """A link or a button of these words."""
        at = f'//a[normalize-space()="{words}"] | //button[normalize-space()="{words}"]'
        self.wait(lambda: self.driver.find_element(By.XPATH, at)).click()

    def wait(self, found: Callable[[], Found]) -> Found:
        return WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(WebDriverException,)).until(lambda _: found())


@pytest.fixture(scope="module")
def held(live: Live) -> str:
    """The run by hand that has held a household of the steward's office."""
    live.connect_its_own()
    live.book.couple(91, birth_date=date(2090, 1, 1), last_name="Nightingale")
    live.book.crm.update("household", {"household_id": 91}, name="Nightingale & <b>Co</b>")
    run_id = live.sync(household_id=91, vendor="profiles")
    live.end(run_id)
    assert live.outcome(run_id)[0] == "held"
    return run_id


@pytest.fixture(scope="module")
def steward(live: Live) -> Iterator[Steward]:
    driver = start_browser(webdriver.ChromeOptions())
    yield Steward(live, driver)
    driver.quit()


def test_a_steward_logs_in_and_is_back_at_the_view_and_works_on_its_item(steward: Steward, held: str) -> None:
    steward.go("/desk/?rule=DEM-BIRTH-DATE")
    steward.log_in()
    assert "Nightingale & <b>Co</b>" in steward.see("Work list: 1 item (1 household)")
    assert steward.driver.current_url.endswith("/desk/?rule=DEM-BIRTH-DATE")
    assert accessibility_faults(steward.driver) == []
    steward.driver.find_element(By.NAME, "item").click()
    steward.press("Acknowledge")
    steward.see("1 item acknowledged.")
    (entry,) = steward.live.rows("SELECT actor, action FROM audit_v ORDER BY entry_id DESC LIMIT 1")
    assert entry == {"actor": DECIDER, "action": "acknowledged"}


def test_airflow_leads_to_the_desk_from_its_menu_and_from_a_run(steward: Steward, held: str) -> None:
    steward.go("/dags")
    steward.wait(lambda: steward.driver.find_element(By.CSS_SELECTOR, "button[aria-label='Browse']")).click()
    steward.press("Stewards' desk")
    desk = steward.wait(lambda: next(tab for tab in steward.driver.window_handles if tab != steward.at_airflow))
    steward.driver.switch_to.window(desk)
    steward.see("Work list:")
    steward.driver.switch_to.window(steward.at_airflow)
    steward.go(f"/dags/{DAG}/runs/{quote(held)}/plugin/desk-of-the-run")
    frame = steward.wait(lambda: steward.driver.find_element(By.CSS_SELECTOR, "iframe"))
    steward.driver.switch_to.frame(frame)
    assert "Nightingale & <b>Co</b>" in steward.see("Household sync as of")
