"""Decisions of persons where the CRM and an edit in Profiles differ: carried out once, then asked no more."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import ParamsError
from etl.load.ledger.desk import decisions
from etl.load.ledger.pins import Pin, Side, change_pins
from etl.load.profiles.decisions import Decided, value_hash
from etl.load.profiles.field_paths import read_path
from etl.load.profiles.merge import merge
from tests.load.advisors import edit_person
from tests.load.delivering import NEXT_DAY, Desk, decided, household, make_desk
from tests.load.documents import document, person
from tests.load.killing import boundaries, run_and_kill
from tests.run_book import Vendors

FIELD = "clientA.cellPhone"
NOW = datetime(2026, 11, 20, 12)


def decide(desk: Desk, side: Side, theirs: Any = "edited", ours: Any = "2", field: str = FIELD) -> int:
    path = read_path(field)
    seen = value_hash(path, theirs), value_hash(path, ours)
    with desk.ledger.write() as connection:
        return decisions.decide(desk.ledger, connection, "H1", field, side, seen, "asked her", "ann", NOW)


def endings(desk: Desk) -> list[str | None]:
    table = sa.text("SELECT ending FROM field_decision ORDER BY decision_id")
    with desk.ledger.read() as connection:
        return list(connection.execute(table).scalars())


def cell_phone(desk: Desk) -> str:
    return str(desk.vendors.cases()["household:1"]["document"]["clientA"]["cellPhone"])


def in_conflict(desk: Desk) -> None:
    """We wrote 1, an advisor typed another number, the CRM says 2 now."""
    desk.to_profiles(household(clientA=person(cellPhone="1")))
    edit_person(desk.vendors, cellPhone="edited")
    desk.to_profiles(household(clientA=person(cellPhone="2")))


NOW_IN_THE_CRM = household(clientA=person(cellPhone="2"))


def test_crms_value_is_written_once_and_then_merged_as_usual(desk: Desk) -> None:
    in_conflict(desk)
    decide(desk, "smartoffice")
    delivered = desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY)
    assert (delivered.outcome.outcome, decided(delivered)) == ("updated", {(FIELD, "written")})
    assert not delivered.findings
    assert (cell_phone(desk), endings(desk)) == ("2", ["written"])
    edit_person(desk.vendors, cellPhone="edited")
    delivered = desk.to_profiles(household(clientA=person(cellPhone="3")), NEXT_DAY)
    assert decided(delivered) == {(FIELD, "kept")}
    assert cell_phone(desk) == "edited"


def test_profiles_value_stays_and_is_reported_no_more_until_the_crm_moves(desk: Desk) -> None:
    in_conflict(desk)
    decide(desk, "profiles")
    other = household(clientA=person(cellPhone="2", fax="9"))
    for payload in (NOW_IN_THE_CRM, other):
        delivered = desk.to_profiles(payload, NEXT_DAY)
        assert (FIELD, "decided") in decided(delivered)
        assert not delivered.findings
    delivered = desk.to_profiles(household(clientA=person(cellPhone="3", fax="9")), NEXT_DAY)
    assert [one.rule_id for one in delivered.findings] == ["PROFILES-KEPT"]
    assert (cell_phone(desk), endings(desk)) == ("edited", ["lapsed"])


def test_profiles_value_is_asked_again_when_an_advisor_edits_it_once_more(desk: Desk) -> None:
    in_conflict(desk)
    decide(desk, "profiles")
    desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY)
    edit_person(desk.vendors, cellPhone="edited twice")
    delivered = desk.to_profiles(household(clientA=person(cellPhone="2", fax="9")), NEXT_DAY)
    assert [one.rule_id for one in delivered.findings] == ["PROFILES-KEPT"]
    assert endings(desk) == ["lapsed"]


@pytest.mark.parametrize("moved", ["vendor", "crm"])
def test_decision_about_other_values_than_those_of_now_writes_nothing(desk: Desk, moved: str) -> None:
    in_conflict(desk)
    decide(desk, "smartoffice")
    if moved == "vendor":
        edit_person(desk.vendors, cellPhone="edited twice")
    payload = NOW_IN_THE_CRM if moved == "vendor" else household(clientA=person(cellPhone="3"))
    before = cell_phone(desk)
    delivered = desk.to_profiles(payload, NEXT_DAY)
    assert [one.rule_id for one in delivered.findings] == ["PROFILES-KEPT"]
    assert (cell_phone(desk), endings(desk)) == (before, ["lapsed"])


def test_decision_ends_where_both_sides_agree_meanwhile(desk: Desk) -> None:
    in_conflict(desk)
    decide(desk, "profiles")
    edit_person(desk.vendors, cellPhone="2")
    assert not desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY).findings
    assert endings(desk) == ["agreed"]


def test_pin_overrules_a_decision(desk: Desk) -> None:
    in_conflict(desk)
    decide(desk, "smartoffice")
    change_pins(desk.ledger, "H1", [Pin(FIELD, "profiles", "hers")], [], "ann", "hand-1")
    desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY)
    assert (cell_phone(desk), endings(desk)) == ("edited", ["lapsed"])


def test_dry_run_shows_what_a_decision_would_do_and_changes_nothing(desk: Desk) -> None:
    in_conflict(desk)
    decide(desk, "smartoffice")
    assert decided(desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY, dry_run=True)) == {(FIELD, "written")}
    assert (cell_phone(desk), endings(desk)) == ("edited", [None])
    assert decisions.units_to_look_at(desk.ledger) == {"H1"}


def test_unit_is_looked_at_until_a_load_has_gone_by_the_decision(desk: Desk) -> None:
    in_conflict(desk)
    assert decisions.units_to_look_at(desk.ledger) == set()
    decide(desk, "profiles")
    assert decisions.units_to_look_at(desk.ledger) == {"H1"}
    desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY)
    assert decisions.units_to_look_at(desk.ledger) == set()


def test_second_decision_on_a_field_is_refused_until_the_first_is_taken_back(desk: Desk) -> None:
    in_conflict(desk)
    first = decide(desk, "smartoffice")
    with pytest.raises(ParamsError, match="stands already"):
        decide(desk, "profiles")
    with desk.ledger.write() as connection:
        decisions.withdraw(desk.ledger, connection, first, NOW)
    with desk.ledger.write() as connection, pytest.raises(ParamsError, match="stands no longer"):
        decisions.withdraw(desk.ledger, connection, first, NOW)
    decide(desk, "profiles")
    desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY)
    assert (cell_phone(desk), endings(desk)) == ("edited", ["withdrawn", None])


def hasty(folder: Path, vendors: Vendors) -> Desk:
    desk = make_desk(folder, vendors)
    desk.sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return desk


def killed_at(folder: Path, vendors: Vendors, step: int, then: Callable[[Desk], None]) -> Desk | None:
    """The desk after a load that was killed before that step, and one more; None where it ended before the step."""
    vendors.reset()
    (place := folder / str(step)).mkdir()
    desk = hasty(place, vendors)
    in_conflict(desk)
    decide(desk, "smartoffice")
    desk.ledger.engine.dispose()
    if not run_and_kill(lambda: hasty(place, vendors).to_profiles(NOW_IN_THE_CRM, NEXT_DAY), step):
        return None
    desk = hasty(place, vendors)
    desk.runs = 10
    desk.ledger.execute(sa.text("DELETE FROM household_lock"))  # type: ignore[arg-type]
    then(desk)
    desk.to_profiles(NOW_IN_THE_CRM, NEXT_DAY)
    return desk


def test_decision_is_carried_out_once_whenever_the_load_is_killed(tmp_path: Path, vendors: Vendors) -> None:
    for step in boundaries():
        desk = killed_at(tmp_path, vendors, step, lambda desk: None)
        if desk is None:
            break
        assert (cell_phone(desk), endings(desk)) == ("2", ["written"])


def test_edit_after_a_killed_write_is_never_overwritten_by_the_same_decision(tmp_path: Path, vendors: Vendors) -> None:
    """An advisor types the very value again that the person had decided against."""
    for step in boundaries():
        was: list[str] = []

        def edit_again(desk: Desk, was: list[str] = was) -> None:
            was.append(cell_phone(desk))
            if was == ["2"]:
                edit_person(desk.vendors, cellPhone="edited")

        desk = killed_at(tmp_path, vendors, step, edit_again)
        if desk is None:
            break
        assert cell_phone(desk) == ("edited" if was == ["2"] else "2")
        assert endings(desk)[0] in ("written", "lapsed")


def test_half_a_client_b_is_not_brought_back_for_one_decided_field() -> None:
    couple = document(clientB=person(firstName="Bea", cellPhone="1"))
    path = ("clientB", "cellPhone")
    one = decisions.FieldDecision(
        1, "H1", "clientB.cellPhone", "c", "smartoffice", value_hash(path, None), value_hash(path, "1"), None
    )
    assert not merge(couple, document(), couple, decided=Decided.on("c", [one])).changes
