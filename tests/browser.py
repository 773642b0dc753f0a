"""The browser of the tests: Chromium or Chrome, with the driver of the same version.

``python -m tests.browser`` finds it, or installs it where apt may. The variables ``CHROME`` and
``CHROMEDRIVER`` name programs in other places. The standard library only.
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


def main() -> int:
    """Exit status 0 when there is a browser; else 1, with what is missing and the command to type."""
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
