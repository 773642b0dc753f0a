"""A real browser for tests: the one that `tests.browser` finds."""

from __future__ import annotations

from selenium import webdriver

from tests.browser import find_browser

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
    "--window-size=1280,900",
)  # fmt: skip


def start_browser(options: webdriver.ChromeOptions) -> webdriver.Chrome:
    """A browser with these options and those that every test needs; without one the test fails and says so."""
    found = find_browser()
    assert found, "There is no browser that selenium can drive: make browser"
    options.binary_location = found.chrome
    for option in OPTIONS:
        options.add_argument(option)
    return webdriver.Chrome(options, webdriver.ChromeService(found.driver))
