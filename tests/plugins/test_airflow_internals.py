"""What is changed in Airflow's own database fits the installed version of Airflow."""

from __future__ import annotations

import importlib.metadata

import pytest

from include.plugins import airflow_internals


def test_airflow_is_the_version_that_the_changes_in_its_database_were_written_for() -> None:
    """With another version: check each statement of the module against Airflow's models, then set `WRITTEN_FOR`."""
    assert importlib.metadata.version("apache-airflow") == airflow_internals.WRITTEN_FOR


def test_another_version_of_airflow_is_reported_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    airflow_internals.warn_of_other_version()
    assert caplog.text == ""
    monkeypatch.setattr(airflow_internals, "WRITTEN_FOR", "3.0.0")
    airflow_internals.warn_of_other_version()
    assert "were written for 3.0.0: check include/plugins/airflow_internals.py" in caplog.text
