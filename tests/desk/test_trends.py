"""The page of trends, over the real application: its figures are those of the questions behind it, in scope."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.load.ledger.desk import trends
from etl.load.ledger.tables import unit_state
from expectations.rules.cards import title
from include.desk import charts
from tests.desk.office import Office, make_office
from tests.desk.test_worklist import HARBOR, HOSTILE, LABELS
from tests.load.ledger.desk.desks import Nights, found


def five_nights(office: Office) -> None:
    nights = Nights(office.ledger)
    nights.run(found("H1"), labels=LABELS)
    nights.run(found("H1"), found("H2", "ACC-NET"), labels=LABELS)
    nights.run(found("H2", "ACC-NET"), found("H3"), units=("H1", "H2", "H3"), labels=HARBOR)
    nights.run(found("H2", "ACC-NET"), found("H3"), units=("H1", "H2", "H3"), labels=HARBOR)
    nights.run(found("H2", "ACC-NET"), units=("H1", "H2", "H3"))
    states = [
        {"vendor": "emoney", "unit_key": key, "digest": 1, "outcome": "held", "run_id": "run-5"} for key in ("H2", "H3")
    ]
    office.ledger.save(unit_state, states)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, five_nights)
    yield office
    office.ledger.engine.dispose()


def test_the_figures_of_the_page_are_those_of_the_ledger(told: Office) -> None:
    page = told.visitor("admin", is_admin=True).read("/trends")
    read = trends.read_trends(told.ledger, None)
    assert "Open now: 1" in page.words
    assert "New in 5 nights: 3 Mended: 2" in page.words
    for night, *figures in zip(read.nights, read.series().open, read.series().new, read.series().mended, strict=True):
        assert " ".join(map(str, [night, *figures])) in page.words
    assert f"{title('DEM-NAME')} 0 2 2 2.0" in page.words
    assert f"{title('ACC-NET')} 1 1 0 —" in page.words
    assert "eMoney Lakeside" not in page.words
    assert "eMoney Office 2 1" in page.words


def test_a_rule_in_an_office_has_a_page_that_can_be_sent(told: Office) -> None:
    page = told.visitor("admin", is_admin=True).read("/trends", rule="DEM-NAME", office="3")
    assert f"Trends: {title('DEM-NAME')} in Office 3" in page.words
    assert "New in 5 nights: 1 Mended: 1" in page.words
    assert "By rule" not in page.words
    assert "By office" not in page.words


def test_a_user_sees_the_trends_of_their_offices_alone(told: Office) -> None:
    chen = told.visitor("lakeside.chen")
    page = chen.read("/trends")
    assert title("ACC-NET") in page.words
    assert title("DEM-NAME") not in page.words
    assert chen.get("/trends", office="3").status_code == 404
    assert chen.get("/trends", office="x").status_code == 404
    assert "H3" not in chen.read("/trends/never-sent/emoney").words


def test_what_was_never_sent_is_listed_by_name_and_names_stay_text(told: Office) -> None:
    admin = told.visitor("admin", is_admin=True)
    page = admin.read("/trends/never-sent/emoney")
    assert "Never sent to eMoney: 2" in page.words
    assert "Castellan" in page.words
    text = admin.get("/trends/never-sent/emoney").text
    assert HOSTILE not in text
    assert "<script>" not in text
    assert "\\u202e" in text
    assert "has all that the runs" in admin.read("/trends/never-sent/profiles").words
    assert admin.get("/trends/never-sent/somebody").status_code == 404


def test_a_desk_before_the_first_night_says_so(office: Office) -> None:
    assert "No night has ended yet." in office.visitor("main.morgan").read("/trends").words


def test_a_line_has_its_highest_value_at_the_top_and_bars_share_one_scale() -> None:
    assert charts.line([0, 5, 10], 100, 50) == "0.0,50.0 50.0,25.0 100.0,0.0"
    assert charts.line([]) == ""
    assert charts.line([0], 100, 50) == "0.0,50.0"
    up, down = charts.bars([0, 10], [5, 0], 100, 100)
    assert up == [charts.Bar(50.0, 0.0, 50.0)]
    assert down == [charts.Bar(0.0, 50.0, 25.0)]
