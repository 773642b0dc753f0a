"""The last task of a run links to the run's page on the desk."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.configuration import conf

from include.runtime.run_page import RunPage


@pytest.mark.parametrize(
    ("base", "expected"),
    [("", "/desk/runs/"), ("https://airflow.example.com/planning/", "https://airflow.example.com/planning/desk/runs/")],
)
def test_the_link_leads_below_airflows_own_address(monkeypatch: pytest.MonkeyPatch, base: str, expected: str) -> None:
    monkeypatch.setattr(conf, "get", lambda *_, **__: base)
    key: Any = SimpleNamespace(run_id="manual__2026-11-30T03:00:00+00:00/x")
    operator: Any = None
    link = RunPage().get_link(operator, ti_key=key)
    assert link == f"{expected}manual__2026-11-30T03%3A00%3A00%2B00%3A00%2Fx"
