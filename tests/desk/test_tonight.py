"""Tonight: what the forecast names, by office, without what was mended since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from etl.load.ledger import runs
from etl.load.ledger.desk.forecasts import keep_forecast
from etl.load.ledger.runs import Outcome
from tests.desk.office import Office, Visitor, make_office
from tests.load.ledger.desk.desks import BEGINNING, labelled

HOSTILE = "<script>alert(1)</script>\u202e" + "x" * 260
DAY = date(2026, 1, 5)
NAMED = [
    ("profiles", "H1", "held", "DEM-NAME"), ("emoney", "H1", "held", "DEM-NAME"), ("profiles", "H2", "held", "HH-HEAD"),
    ("profiles", "C4", "created", None), ("emoney", "H3", "updated", None), ("profiles", "H3", "unchanged", None),
]  # fmt: skip


def afternoon(office: Office) -> None:
    office.ledger.now = lambda: BEGINNING
    outcomes = pd.DataFrame([(*one, one[-1]) for one in NAMED])
    outcomes.columns = ["vendor", "unit_key", "outcome", "reason", "code"]
    labels = labelled(
        ("H1", "Nightingale", 1, "main.morgan"), ("H2", HOSTILE, 1, ""), ("C4", "Larkin", 3, ""),
        ("H3", "Castellan", 1, ""),
    ).rename(columns={"advisor": "assigned_user"})  # fmt: skip
    keep_forecast(office.ledger, "forecast-1", DAY, outcomes, labels)


@pytest.fixture
def forecast(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, afternoon)
    office.ledger.now = lambda: BEGINNING + timedelta(hours=2)
    yield office
    office.ledger.engine.dispose()


@pytest.fixture
def morgan(forecast: Office) -> Visitor:
    return forecast.visitor("main.morgan")


def test_page_names_what_would_be_held_with_the_rule_in_words(morgan: Visitor) -> None:
    page = morgan.read("/tonight").words
    assert "Tonight, as of 2026-01-05" in page
    assert "Nightingale" in page
    assert "Check again H1" in page
    assert "Castellan" not in page
    assert "Castellan" in morgan.read("/tonight", outcome="updated").words


def test_unit_that_was_checked_again_is_marked_and_not_counted(forecast: Office, morgan: Visitor) -> None:
    runs.start_run(forecast.ledger, "check-1", "household_check", DAY, "ann", False, {})
    runs.save_outcomes(forecast.ledger, "check-1", [Outcome("profiles", "H1", "updated")])
    page = morgan.read("/tonight").words
    assert page.count("Checked again: it went") == 1
    assert "Office 1 2 0 0 0 0 1" in " ".join(page.split())


def test_other_offices_are_not_shown(forecast: Office, morgan: Visitor) -> None:
    assert "Larkin" not in morgan.read("/tonight", outcome="created").words
    admin = forecast.visitor("admin", is_admin=True)
    assert "Larkin" in admin.read("/tonight", outcome="created").words
    assert "Larkin" not in admin.read("/tonight", outcome="created", office="1").words


def test_hostile_names_stay_text(morgan: Visitor) -> None:
    text = morgan.get("/tonight").text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "\u202e" not in text


def test_page_says_that_there_is_no_forecast_yet(office: Office) -> None:
    assert "There is no forecast yet." in office.visitor("admin", is_admin=True).read("/tonight").words


def test_numbers_that_no_database_can_take_are_refused_in_words(office: Office) -> None:
    admin = office.visitor("admin", is_admin=True)
    for asked in ({"office": "9" * 30}, {"page": "9" * 30}, {"page": "0"}):
        assert admin.get("/tonight", **asked).status_code == 422
