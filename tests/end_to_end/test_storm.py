"""Two hundred triggers by hand within a second for fifty households, and a weeknight run among them."""

from __future__ import annotations

import pytest

from tests.benchmarks.triggers import storm
from tests.end_to_end.live import Live

# tests/pipelines/household/test_many_triggers.py has the same without Airflow.
pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.xdist_group("live")]


def test_no_run_is_lost_and_each_household_is_at_each_vendor_once(live: Live) -> None:
    figures = storm(live, triggers=200, first=1001)
    assert (figures["lost"], figures["not_there_once"]) == (0, 0), figures
