"""Work items follow the open findings, over any history of runs."""

from __future__ import annotations

import tempfile
from operator import itemgetter
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from etl.load.ledger.desk import items, queries, work
from etl.load.ledger.desk.work import Person
from etl.load.ledger.store import Ledger
from tests.load.ledger.desk.desks import BY_HAND, VENDORS, Nights, check_laws, found, labelled, rows_of

UNITS = ("H1", "H2", "C3")


def test_an_item_opens_once_for_both_vendors_and_closes_with_the_run_that_proved_it(nights: Nights) -> None:
    first = nights.run(found("H1"))
    nights.run(found("H1"))
    last = nights.run()
    (item,) = nights.items()
    assert (item["state"], item["vendors"], item["opened_run"], item["closed_run"]) == (
        "mended", "emoney profiles", first, last,
    )  # fmt: skip
    assert nights.events() == [("H1", "opened", first), ("H1", "mended", last)]


def test_an_item_reopens_with_its_history_and_stays_with_whom_it_was_assigned_to(nights: Nights) -> None:
    nights.run(found("H1"))
    work.assign(nights.ledger, Person("morgan", None), [1], "chen")
    nights.run()
    again = nights.run(found("H1"))
    (item,) = nights.items()
    assert (item["state"], item["times_opened"], item["assigned_to"]) == ("new", 2, "chen")
    assert (item["opened_run"], item["closed_run"], item["closed_at"]) == (again, None, None)
    assert [kind for _, kind, _ in nights.events()] == ["opened", "assigned", "mended", "reopened"]


def test_a_quiet_night_adds_no_row_for_what_is_known(nights: Nights) -> None:
    nights.run(found("H1"), found("H2", "ACC-NET"))
    before = (nights.items(), nights.events())
    nights.run(found("H1"), found("H2", "ACC-NET"))
    assert (nights.items(), nights.events()) == before


def test_an_item_is_as_severe_as_the_worst_of_its_findings_and_says_when_that_changes(nights: Nights) -> None:
    nights.run(found("H1", vendor="emoney", severity="warning"), found("H1", vendor="profiles"))
    second = nights.run(found("H1", vendor="emoney", severity="warning"))
    (item,) = nights.items()
    assert (item["severity"], item["vendors"], item["message"]) == ("warning", "emoney", "DEM-NAME is warning.")
    assert nights.events("severity", "vendors") == [("H1", "severity", second), ("H1", "vendors", second)]
    (severity, _) = rows_of(nights.ledger, "SELECT before, after FROM work_item_event_v WHERE run_id = 'run-2'")
    assert tuple(severity.values()) == ("critical", "warning")


def test_a_known_finding_whose_severity_changes_changes_its_item(nights: Nights) -> None:
    nights.run(found("H1", severity="warning"))
    second = nights.run(found("H1", severity="critical"))
    (item,) = nights.items()
    assert (item["severity"], item["message"]) == ("critical", "DEM-NAME is critical.")
    assert nights.events() == [("H1", "opened", "run-1"), ("H1", "severity", second)]
    nights.run()
    assert nights.items()[0]["state"] == "mended"


def test_fields_of_one_record_are_one_item(nights: Nights) -> None:
    nights.run(found("H1", field="last_name"), found("H1", field="first_name"))
    (item,) = nights.items()
    assert item["fields"] == "first_name, last_name"


def test_a_dry_run_changes_no_item_and_a_household_by_hand_does(nights: Nights) -> None:
    nights.run(found("H1"))
    nights.run(dry_run=True)
    assert nights.items()[0]["state"] == "new"
    by_hand = nights.run(found("H2"), units=["H1"], dag_id=BY_HAND)
    assert nights.events() == [("H1", "opened", "run-1"), ("H1", "mended", by_hand)]


def test_units_that_failed_and_vendors_that_were_stopped_mend_nothing(nights: Nights) -> None:
    nights.run(found("H1"), found("H2"))
    nights.run(failed=["H1"], through=["profiles"])
    assert [(one["unit_key"], one["vendors"]) for one in nights.items() if one["state"] != "mended"] == [
        ("H1", "emoney profiles"), ("H2", "emoney"),
    ]  # fmt: skip


def test_a_run_that_is_closed_again_changes_only_what_it_decides_otherwise(nights: Nights) -> None:
    nights.run(found("H1"))
    again = nights.run(found("H2"))
    before = nights.events()
    nights.close(again, found("H2"))
    assert nights.events() == before
    nights.close(again, found("H1"))
    assert [(one["unit_key"], one["state"]) for one in nights.items()] == [("H1", "new"), ("H2", "mended")]
    check_laws(nights.ledger)


def test_what_is_withdrawn_ends_without_being_mended(nights: Nights) -> None:
    nights.run(found("H1"), found("H1", "SCP-GONE"))
    with nights.ledger.write() as connection:
        items.withdraw(nights.ledger, connection, ["H1"], "unlink", vendor="emoney", rule_id="SCP-GONE")
    assert nights.events()[2:] == [("H1", "vendors", "unlink")]
    with nights.ledger.write() as connection:
        items.withdraw(nights.ledger, connection, ["H1"], "merge")
    assert nights.events("ended") == [("H1", "ended", "merge")] * 2
    check_laws(nights.ledger)


def test_a_unit_keeps_the_labels_of_the_last_run_that_read_it(nights: Nights) -> None:
    nights.run(found("H1"), labels=labelled(("H1", "Äster family", 7, "main.chen"), ("H2", "Clean", 7, "main.chen")))
    assert [row["unit_key"] for row in rows_of(nights.ledger, "SELECT * FROM work_unit")] == ["H1"]
    nights.run(found("H1"), labels=labelled(("H1", "Aster family", 8, "main.chen")))
    (item,) = queries.list_items(nights.ledger, {8}, queries.Filters())
    assert (item.household_name, item.office_id, item.office_name) == ("Aster family", 8, "Office 8")
    assert queries.list_items(nights.ledger, {7}, queries.Filters()) == []


def test_a_household_whose_labels_are_known_is_not_written_again(nights: Nights) -> None:
    labels = labelled(("H1", "Aster", 7, "main.chen"))
    nights.run(found("H1"), labels=labels)
    before = rows_of(nights.ledger, "SELECT * FROM work_unit")
    nights.run(found("H1"), labels=labels)
    assert rows_of(nights.ledger, "SELECT * FROM work_unit") == before


FINDINGS = st.lists(
    st.tuples(
        st.sampled_from(VENDORS), st.sampled_from(UNITS), st.sampled_from(("DEM-NAME", "ACC-NET")),
        st.sampled_from(("contact:1", "account:2")), st.sampled_from(("critical", "warning")),
        st.sampled_from(("field", None)),
    ),
    max_size=6, unique_by=itemgetter(0, 1, 2, 3, 5),
)  # fmt: skip
RUNS = st.fixed_dictionaries(
    {
        "found": FINDINGS,
        "units": st.sets(st.sampled_from(UNITS), min_size=1),
        "dry_run": st.booleans(),
        "failed": st.sets(st.sampled_from(UNITS), max_size=1),
        "through": st.sets(st.sampled_from(VENDORS)),
        "dag_id": st.sampled_from(("weeknight_refresh", BY_HAND)),
    }
)
STEPS = st.one_of(RUNS, st.tuples(st.just("again"), FINDINGS), st.tuples(st.just("withdraw"), st.sampled_from(UNITS)))


@pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_over_any_history_open_items_are_the_open_findings_by_record(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None)
    @given(st.lists(STEPS, min_size=1, max_size=6))
    def law(steps: list[object]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
            ledger.migrate()
            nights = Nights(ledger)
            for step in steps:
                before = (nights.items(), nights.events())
                take(nights, step)
                check_laws(ledger)
                if isinstance(step, dict) and step["dry_run"]:
                    assert (nights.items(), nights.events()) == before
            ledger.engine.dispose()

    law()


def take(nights: Nights, step: object) -> None:
    if isinstance(step, dict):
        nights.run(step["found"], **{name: value for name, value in step.items() if name != "found"})
    elif isinstance(step, tuple) and step[0] == "withdraw":
        with nights.ledger.write() as connection:
            items.withdraw(nights.ledger, connection, [step[1]], "by hand")
    elif isinstance(step, tuple) and nights.count:
        nights.close(f"run-{nights.count}", step[1])
