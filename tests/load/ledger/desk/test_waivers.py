"""Waivers in the ledger: who asks, who approves, when they are in force."""

from datetime import date, datetime

import pytest

from etl.errors import ParamsError
from etl.load.ledger.desk import waivers
from etl.load.ledger.desk.waivers import Scope
from etl.load.ledger.store import Ledger

NOW = datetime(2026, 11, 20, 12)
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 25)
TERM = Scope("H1", "LIA-TERM")


def asked(ledger: Ledger, scope: Scope = TERM, by: str = "ann") -> int:
    with ledger.write() as connection:
        return waivers.ask(connection, scope, "the bank sends it in spring", FIRST, LAST, by, NOW)


def test_waiver_is_in_force_from_its_first_day_until_the_day_before_its_last(ledger: Ledger) -> None:
    asked(ledger)
    days = [date(2026, 11, day) for day in (19, 20, 24, 25)]
    assert [len(waivers.read_in_force(ledger, day)) for day in days] == [0, 1, 1, 0]


def test_person_who_asked_cannot_approve(ledger: Ledger) -> None:
    made = asked(ledger)
    with ledger.write() as connection, pytest.raises(ParamsError, match="a second person"):
        waivers.approve(connection, made, "ann", NOW)
    assert not waivers.read_in_force(ledger, FIRST)["is_approved"].any()


def test_second_person_approves_once(ledger: Ledger) -> None:
    made = asked(ledger)
    with ledger.write() as connection:
        assert waivers.approve(connection, made, "bob", NOW).approved_by == "bob"
    with ledger.write() as connection, pytest.raises(ParamsError, match="approved by bob already"):
        waivers.approve(connection, made, "cy", NOW)
    assert waivers.read_in_force(ledger, FIRST)["is_approved"].tolist() == [True]


def test_ended_waiver_is_not_in_force_and_stays_on_record(ledger: Ledger) -> None:
    made = asked(ledger)
    with ledger.write() as connection:
        waivers.end(connection, made, "cy", "the bank has sent it", NOW)
    assert waivers.read_in_force(ledger, FIRST).empty
    assert waivers.find_waiver(ledger, made).ended_by == "cy"
    with ledger.write() as connection, pytest.raises(ParamsError, match="ended by cy already"):
        waivers.end(connection, made, "ann", "again", NOW)


def test_second_waiver_for_the_same_is_refused_and_one_for_a_record_is_not(ledger: Ledger) -> None:
    made = asked(ledger)
    with pytest.raises(ParamsError, match=f"Waiver {made} stands"):
        asked(ledger)
    assert asked(ledger, Scope("H1", "LIA-TERM", "liability", "5")) != made


def test_waiver_without_a_day_is_refused(ledger: Ledger) -> None:
    with ledger.write() as connection, pytest.raises(ParamsError, match="a later day"):
        waivers.ask(connection, TERM, "why", FIRST, FIRST, "ann", NOW)


def test_unit_is_looked_at_while_its_waiver_is_in_force(ledger: Ledger) -> None:
    asked(ledger)
    assert waivers.units_to_look_at(ledger, "profiles", FIRST) == {"H1"}
    assert waivers.units_to_look_at(ledger, "profiles", LAST) == set()
