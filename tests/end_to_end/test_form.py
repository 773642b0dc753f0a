"""What an operator sees of a run by hand, in a real browser: the form, the Search list, the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from include.local.api import wait_until
from tests.airflow_home import SECRETS
from tests.end_to_end.browser import start_browser
from tests.end_to_end.live import ASK, DAG, Live
from tests.pipelines.household.test_question import add_household, cases_of

pytestmark = [pytest.mark.airflow, pytest.mark.browser, pytest.mark.xdist_group("live")]

BUTTONS = ["Update Case", "Create New Case", "Open Case", "Create New Client and Case"]
PATIENCE = 60


class Operator:
    """Somebody at a browser, who has logged in to Airflow."""

    def __init__(self, live: Live, driver: webdriver.Chrome) -> None:
        self.live, self.driver = live, driver
        driver.get(live.services.base)
        self.field("username").send_keys("admin")
        self.field("password").send_keys(SECRETS["admin"] + Keys.ENTER)
        self.see("Dags")

    def go(self, path: str) -> None:
        self.driver.get(f"{self.live.services.base}{path}")

    def see(self, words: str) -> str:
        """Waits until the page says so; gives all that it says."""

        def found(driver: webdriver.Chrome) -> bool:
            return words in driver.find_element(By.TAG_NAME, "body").text

        WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(WebDriverException,)).until(found, f"see {words!r}")
        return self.driver.find_element(By.TAG_NAME, "body").text

    def field(self, name: str) -> WebElement:
        return WebDriverWait(self.driver, PATIENCE).until(lambda driver: driver.find_element(By.NAME, name), name)

    def choose(self, field: str, option: str) -> None:
        """Takes an option of a field with a list."""
        typed = self.driver.find_element(By.CSS_SELECTOR, f"#element_{field} input")
        typed.send_keys(option + Keys.ENTER)

    def press(self, button: str, which: int = 0) -> None:
        """Presses a button of that name, the first if not another of several."""

        def found(driver: webdriver.Chrome) -> list[WebElement]:
            return [each for each in driver.find_elements(By.TAG_NAME, "button") if each.text == button]

        pressed = WebDriverWait(self.driver, PATIENCE).until(found, f"a button {button!r}")[which]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", pressed)
        WebDriverWait(self.driver, PATIENCE).until(lambda _: pressed.is_enabled(), f"a button {button!r} to press")
        pressed.click()

    def shoot(self, folder: Path, name: str) -> None:
        self.driver.save_screenshot(str(folder / f"{name}.png"))


def runs_of(live: Live) -> set[str]:
    return {run["dag_run_id"] for run in live.user.call("GET", f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"]}


@pytest.fixture(scope="module")
def operator(live: Live) -> Iterator[Operator]:
    driver = start_browser(webdriver.ChromeOptions())
    yield Operator(live, driver)
    driver.quit()


def test_an_operator_fills_in_the_form_answers_the_list_and_sees_the_result(
    operator: Operator, live: Live, tmp_path: Path
) -> None:
    live.book.couple(21, first_name="Ada", last_name="Wren")
    theirs = add_household(live.vendors, 2, firstName="Zelda", lastName="Wren", case_name="Retirement")
    _, second = cases_of(live.vendors, theirs)

    operator.go(f"/dags/{DAG}")
    operator.see("One household, by hand")
    operator.press("Trigger")
    form = operator.see("The household's number in SmartOffice")
    assert [words for words in ("Contact", "Vendor", "Action", "Dry run", "In the name of") if words not in form] == []
    operator.field("element_household_id").send_keys("21")
    operator.choose("vendor", "Profiles")
    operator.shoot(tmp_path, "form")
    before = runs_of(live)
    operator.press("Trigger", which=-1)
    wait_until(lambda: runs_of(live) != before, "the form has triggered a run")
    (run_id,) = runs_of(live) - before
    live.question(run_id)
    operator.go(f"/dags/{DAG}/runs/{quote(run_id)}/tasks/{ASK}/required_actions")
    page = operator.see("Which client of Profiles is household 21?")
    assert "Ada Wren, born 1970-05-01" in page
    assert "No exact match. 1 household in Profiles with the same last name" in page
    assert "Zelda Wren 1970-01-31" in page
    assert [button for button in BUTTONS if button not in page] == []
    operator.choose("case_id", second)
    operator.shoot(tmp_path, "search_list")
    operator.press("Update Case")

    assert live.end(run_id) == "success"
    operator.go(f"/dags/{DAG}/runs/{quote(run_id)}")
    operator.see("Success")
    operator.shoot(tmp_path, "run")
    (report,) = (live.book.folder / "data" / "reports").glob(f"{run_id}/worklist.html")
    operator.driver.get(report.as_uri())
    assert "1 of 1 client up to date" in operator.see("Household sync")
    operator.shoot(tmp_path, "report")
    operator.driver.get(f"{live.vendors.profiles.url}/cases/{second}")
    operator.see("Savings 21")
    operator.shoot(tmp_path, "case")
