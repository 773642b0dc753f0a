"""The browser of the tests: Chromium or Chrome, with the driver of the same version; and axe, which reads its pages.

``python -m tests.browser`` finds the browser, or installs it where apt may, and fetches axe-core as ``tests/axe.txt``
pins it. The variables ``CHROME`` and ``CHROMEDRIVER`` name programs in other places. The standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CHROMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
DRIVERS = (
    "chromedriver",
    "chromium.chromedriver",
    "/usr/lib/chromium/chromedriver",
    "/usr/lib/chromium-browser/chromedriver",
)
PACKAGES = ("chromium", "chromium-driver")
APT = Path(__file__).parents[1] / "include" / "local" / "apt.sh"
# A package for another browser driver, without what it needs: it holds axe-core as one script.
AXE_PIN = Path(__file__).with_name("axe.txt")
AXE = Path(__file__).parents[1] / ".planbridge" / "tests" / "axe"
# WCAG 2.2 AA, and what axe calls best practice.
AXE_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@dataclass(frozen=True)
class Browser:
    """The paths of a browser and of a driver that can drive it."""

    chrome: str
    driver: str


@cache
def find_browser() -> Browser | None:
    """The first browser that a driver of its version drives; None where there is none."""
    drivers = {version: path for path, version in reversed(_versions("CHROMEDRIVER", DRIVERS))}
    for path, version in _versions("CHROME", CHROMES):
        if version in drivers:
            return Browser(path, drivers[version])
    return None


def _versions(variable: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Path and main version of the programs that run; only of the one that the shell names, if it names one."""
    named = os.environ.get(variable)
    paths = [path for name in ((named,) if named else names) if (path := shutil.which(name))]
    found = [(path, re.search(r"\b(\d+)\.\d+\.", _output_of(path, "--version"))) for path in paths]
    return [(path, version[1]) for path, version in found if version]


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def accessibility_faults(driver: Any) -> list[str]:
    """What axe finds wrong with the page that a selenium driver shows, a line each; fails where axe is not there."""
    script = AXE / "axe_playwright_python" / "axe.min.js"
    assert script.is_file(), "axe-core is not there: make browser"
    driver.execute_script(script.read_text(encoding="utf-8"))
    run = "axe.run({runOnly: arguments[0]}).then(arguments[1], error => arguments[1]({error: String(error)}))"
    result = driver.execute_async_script(run, list(AXE_RULES))
    assert "error" not in result, result
    return [
        f"{fault['id']}: {fault['help']}: {node['target'][0]}: {node['html'][:200]}"
        for fault in result["violations"]
        for node in fault["nodes"]
    ]


def fetch_axe() -> bool:
    """Fetches axe-core where it is not there as pinned; whether it is there now."""
    kept = AXE / AXE_PIN.name
    if kept.is_file() and kept.read_bytes() == AXE_PIN.read_bytes():
        return True
    uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--upgrade")
    done = subprocess.run([*uv, "--target", str(AXE), "--requirement", str(AXE_PIN)], check=False)
    if done.returncode == 0:
        shutil.copyfile(AXE_PIN, kept)
    return done.returncode == 0


def main() -> int:
    """Exit status 0 when there are a browser and axe; else 1, with what is missing and the command to type."""
    if not fetch_axe():
        print(f"Set-up: axe-core, which reads the pages, could not be fetched ({AXE_PIN}).", file=sys.stderr)
        return 1
    if find_browser():
        return 0
    print("Set-up: the tests need Chromium or Chrome, and a chromedriver of the same version.", file=sys.stderr)
    if subprocess.run(["/bin/sh", str(APT), *PACKAGES], check=False).returncode == 0:
        find_browser.cache_clear()
        if find_browser():
            return 0
    print(
        "        Elsewhere, name them: CHROME=/path/to/chrome CHROMEDRIVER=/path/to/chromedriver make test",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
