"""What the desk asks about items: filters, order, counts, nights, export; fast whatever their number."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
import sqlalchemy as sa

from etl.load.ledger.desk import queries, units, work
from etl.load.ledger.desk.queries import Filters
from etl.load.ledger.desk.work import Person
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import waiver, work_item, work_unit
from tests.load.ledger.desk.desks import BEGINNING, BY_HAND, Nights, found, labelled

LABELS = labelled(
    ("H1", "Zoë & <b>Äster</b>", 7, "chen"),
    ("H2", "Birch 100%", 8, "morgan"),
    ("C3", "", 7, "morgan"),
    contacts="31 32",
)


@pytest.fixture
def listed(nights: Nights) -> Ledger:
    nights.run(found("H1", severity="warning"), found("H2", "ACC-NET", "account:5", vendor="emoney"), labels=LABELS)
    nights.run(
        found("H1", severity="warning"), found("H2", "ACC-NET", "account:5", vendor="emoney"), found("C3"),
        labels=LABELS,
    )  # fmt: skip
    nights.ledger.now = lambda: BEGINNING + timedelta(days=10)
    return nights.ledger


def keys(ledger: Ledger, filters: Filters = Filters(), scope: units.Scope = None, **more: Any) -> list[str]:  # noqa: B008
    return [item.unit_key for item in queries.list_items(ledger, scope, filters, **more)]


FILTERED = [
        (Filters(), {"H1", "H2", "C3"}), (Filters(office=7), {"H1", "C3"}), (Filters(advisor="morgan"), {"H2", "C3"}),
        (Filters(rule="ACC-NET"), {"H2"}), (Filters(severity="warning"), {"H1"}),
        (Filters(vendor="profiles"), {"H1", "C3"}), (Filters(vendor="emoney"), {"H1", "H2", "C3"}),
        (Filters(vendor="profile_"), set()), (Filters(days=9), {"H1", "H2"}), (Filters(days=8), {"H1", "H2", "C3"}),
        (Filters(state="mended"), set()), (Filters(text="zoë"), {"H1"}), (Filters(text="ÄSTER"), {"H1"}),
        (Filters(text="h2"), {"H2"}), (Filters(text="2"), {"H2"}), (Filters(text="32"), {"H1", "H2", "C3"}),
        (Filters(text="100%"), {"H2"}), (Filters(text="%"), {"H2"}), (Filters(text="head of birch"), {"H2"}),
        (Filters(assigned_to="chen"), set()),
    ]  # fmt: skip


def test_a_list_has_what_its_filters_say(listed: Ledger) -> None:
    for filters, expected in FILTERED:
        assert set(keys(listed, filters)) == expected, filters
        counts = queries.count_items(listed, None, filters)
        assert counts.items == counts.households + counts.persons == len(expected), filters


def test_nobody_sees_units_of_other_offices_or_of_no_known_office(listed: Ledger, nights: Nights) -> None:
    nights.run(found("H9"), units=["H9"])
    assert set(keys(listed, scope={8})) == {"H2"}
    assert keys(listed, scope=()) == []
    assert set(keys(listed)) == {"H1", "H2", "C3", "H9"}
    (item,) = queries.list_items(listed, {8}, Filters())
    assert queries.find_item(listed, {8}, item.item_id) == item
    assert queries.find_item(listed, {7}, item.item_id) is None
    assert queries.items_of_unit(listed, {7}, "H2") == []
    assert [one.item_id for one in queries.items_of_unit(listed, {8}, "H2")] == [item.item_id]
    assert units.find_unit(listed, {7}, "H2") is None
    assert [unit.unit_key for unit in units.search_units(listed, {8}, "b")] == ["H2"]
    assert queries.read_choices(listed, {8}) == queries.Choices({8: "Office 8"}, ("morgan",), ("ACC-NET",), ())


def test_own_items_come_first_then_those_of_my_clients_that_nobody_has(listed: Ledger) -> None:
    assert keys(listed, sort="household") == ["C3", "H2", "H1"]
    assert keys(listed, me="chen", sort="household") == ["H1", "C3", "H2"]
    (mine,) = queries.list_items(listed, None, Filters(rule="ACC-NET"))
    work.assign(listed, Person("chen", None), [mine.item_id], "chen")
    assert keys(listed, me="chen", sort="household") == ["H2", "H1", "C3"]
    assert keys(listed, me="morgan", sort="household") == ["C3", "H2", "H1"]


def test_each_order_gives_every_item_once_over_its_pages(listed: Ledger) -> None:
    for sort in queries.SORTS:
        pages = [keys(listed, sort=sort, limit=1, offset=number) for number in range(4)]
        assert sorted(chain(*pages)) == ["C3", "H1", "H2"], sort
        assert pages[3] == []
        exported = [item.unit_key for item in queries.export_items(listed, None, Filters(), sort=sort)]
        assert exported == [*chain(*pages)], sort
        assert sorted(keys(listed, sort=sort, descending=True)) == ["C3", "H1", "H2"]


def test_counts_agree_with_the_list(listed: Ledger) -> None:
    counts = queries.count_items(listed, None, Filters())
    assert (counts.items, counts.households, counts.persons) == (3, 2, 1)
    assert counts.by_rule == {"DEM-NAME": 2, "ACC-NET": 1}
    assert counts.by_office == {(7, "Office 7"): 2, (8, "Office 8"): 1}
    assert counts.by_severity == {"critical": 2, "warning": 1, "info": 0}


def test_nights_are_counted_from_the_night_that_opened_an_item_to_the_last_before_it_was_mended(nights: Nights) -> None:
    nights.run(found("H1"))
    nights.run(found("H1"), found("H2"))
    nights.run(units=["C3"], dag_id=BY_HAND)
    nights.run(found("H1"), found("H2"), dry_run=True)
    nights.run(found("H2"))
    counted = {item.unit_key: item.nights for item in queries.list_items(nights.ledger, None, Filters(state="all"))}
    assert counted == {"H1": 2, "H2": 2}


def test_items_of_a_unit_are_its_open_ones_and_then_its_mended_ones(nights: Nights) -> None:
    nights.run(found("H1"), found("H1", "ACC-NET", severity="warning"), found("H1", "ACC-TYPE"))
    nights.run(found("H1", "ACC-NET", severity="warning"), found("H1", "ACC-TYPE"))
    theirs = queries.items_of_unit(nights.ledger, None, "H1")
    assert [(one.rule_id, one.state) for one in theirs] == [
        ("ACC-TYPE", "new"), ("ACC-NET", "new"), ("DEM-NAME", "mended"),
    ]  # fmt: skip


WAIVED = {
    "entity": "", "entity_id": "", "reason": "It was asked for.", "from_day": BEGINNING.date(),
    "until_day": BEGINNING.date() + timedelta(days=10), "asked_by": "chen", "asked_at": BEGINNING,
    "approved_by": "lee", "approved_at": BEGINNING,
}  # fmt: skip


def many(ledger: Ledger, count: int) -> None:
    """As many open items as an office may have, in a third as many units; a waiver covers one in twenty."""
    items, labels = [], []
    for number in range(count):
        unit = f"H{number // 3}"
        items.append(
            {
                "unit_key": unit, "rule_id": f"RULE-{number % 40}", "entity": "contact", "entity_id": str(number),
                "severity": queries.SEVERITIES[number % 3], "vendors": "emoney profiles", "fields": None,
                "message": "It is wrong. " * 8, "remedy": "Mend it.", "state": "new", "opened_run": "run-1",
                "assigned_to": "chen" if number % 50 == 0 else None, "times_opened": 1,
                "opened_at": BEGINNING + timedelta(minutes=number % 5_000),
            }
        )  # fmt: skip
        if number % 3 == 0:
            labels.append(
                {
                    "unit_key": unit, "household_name": f"Family {number}", "head_name": f"Robin {number}",
                    "office_id": number % 12, "office_name": f"Office {number % 12}", "advisor": f"user-{number % 60}",
                    "names": f"family {number}\nrobin {number}", "contact_ids": f"{number}", "seen_at": BEGINNING,
                }
            )  # fmt: skip
    with ledger.write() as connection:
        ledger.insert(connection, work_item, items)
        ledger.insert(connection, work_unit, labels)
        waived = [{**WAIVED, "unit_key": one["unit_key"], "rule_id": one["rule_id"]} for one in items[::20]]
        ledger.insert(connection, waiver, waived)
        connection.execute(sa.text("ANALYZE"))


# A day on which the waivers of these items are in force.
DAY = BEGINNING.date()
QUESTIONS: dict[str, Callable[[Ledger], object]] = {
    "first page": lambda ledger: queries.list_items(ledger, None, Filters(day=DAY), me="chen"),
    "last page": lambda ledger: queries.list_items(ledger, None, Filters(), me="chen", sort="household", offset=49_950),
    "one office": lambda ledger: queries.list_items(ledger, {3, 6}, Filters(office=3, vendor="emoney", days=1)),
    "a name": lambda ledger: queries.list_items(ledger, None, Filters(text="family 12")),
    "counts": lambda ledger: queries.count_items(ledger, None, Filters(day=DAY)),
    "a page of the export": lambda ledger: next(queries.export_items(ledger, None, Filters())),
}


def test_a_page_of_a_large_office_takes_as_many_statements_as_one_of_a_small_office(ledger: Ledger) -> None:
    def statements(ask: Callable[[Ledger], object]) -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        sa.event.listen(ledger.engine, "before_cursor_execute", note)
        ask(ledger)
        sa.event.remove(ledger.engine, "before_cursor_execute", note)
        return count

    many(ledger, 30)
    small = {name: statements(ask) for name, ask in QUESTIONS.items()}
    with ledger.write() as connection:
        connection.execute(sa.delete(work_item))
        connection.execute(sa.delete(work_unit))
    many(ledger, 6_000)
    large = {name: statements(ask) for name, ask in QUESTIONS.items()}
    assert max(large.values()) <= 3
    assert all(large[name] <= max(count, 3) for name, count in small.items())


@pytest.mark.slow
def test_fifty_thousand_open_items_answer_in_less_than_300_ms(ledger: Ledger) -> None:
    """SQLite works in this thread, whose time other processes of a busy machine do not lengthen."""
    many(ledger, 50_000)
    clock = time.thread_time if ledger.is_sqlite else time.perf_counter
    for name, ask in QUESTIONS.items():
        took = []
        for _ in range(4):
            began = clock()
            ask(ledger)
            took.append(clock() - began)
        assert min(took) < 0.3, name
