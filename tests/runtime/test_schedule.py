"""When the weeknight run starts, and what is no schedule."""

from __future__ import annotations

import pytest

from include.runtime.schedule import CRON, TIMEZONE, cron_and_timezone, is_cron


@pytest.mark.parametrize("cron", [CRON, "0 22 29 2 *", "*/15 0-6,20 * jan-mar mon,fri", "0 22 31 2 1", "0 22 L * *"])
def test_five_fields_by_which_a_day_comes_are_a_schedule(cron: str) -> None:
    assert is_cron(cron)


@pytest.mark.parametrize(
    "cron",
    ["0 22 31 2 *", "0 22 30 feb *", "0 22 31 4,6,9,11 *", "60 22 * * *", "0 24 * * *", "0 22 * * 8", "0 22 * * * *",
     "@daily", "at ten", "", "0 22 * * 1-5/0", "H 22 * * *"],
)  # fmt: skip
def test_an_invalid_schedule_is_replaced_by_the_default(monkeypatch: pytest.MonkeyPatch, cron: str) -> None:
    assert not is_cron(cron)
    monkeypatch.setenv("PLANBRIDGE__REFRESH__SCHEDULE", cron)
    assert cron_and_timezone() == (CRON, TIMEZONE)
