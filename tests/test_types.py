"""The types of all modules hold."""

import subprocess
import sys

from include import ROOT


def test_types_are_as_they_say() -> None:
    """As ``make lint`` checks them: half a minute on one core, so that other tests run meanwhile."""
    checked = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
