"""The work of people on items: each change is an event and an entry of the audit."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from etl.errors import ParamsError
from etl.load.ledger.desk import audit, queries, work
from etl.load.ledger.desk.queries import Filters
from etl.load.ledger.desk.work import Person
from etl.load.ledger.store import Ledger
from tests.load.ledger.desk.desks import Nights, found, labelled, rows_of

MORGAN = Person("morgan", {7})


@pytest.fixture
def opened(nights: Nights) -> Ledger:
    """Items 1 and 2 in office 7, item 3 in office 8, item 4 in a unit whose office is not known."""
    labels = labelled(("H1", "Aster", 7, "chen"), ("H2", "Birch", 8, "chen"))
    nights.run(found("H1"), found("H1", "ACC-NET"), found("H2"), found("C3"), labels=labels)
    assert [item["unit_key"] for item in nights.items()] == ["C3", "H1", "H1", "H2"]
    return nights.ledger


def audited(ledger: Ledger) -> list[tuple[str, str, str, str | None]]:
    rows = rows_of(ledger, "SELECT actor, action, subject, reason FROM audit_v ORDER BY entry_id")
    return [tuple(row.values()) for row in rows]


def test_each_change_is_an_event_and_an_entry_of_the_audit(opened: Ledger) -> None:
    assert work.acknowledge(opened, MORGAN, [2]) == 1
    assert work.assign(opened, MORGAN, [2, 3], "chen") == 2
    assert work.wait_for(opened, MORGAN, [2], "the carrier", "Form sent") == 1
    assert work.add_note(opened, MORGAN, [3], "Called") == 1
    assert audited(opened) == [
        ("morgan", "acknowledged", "item:2", None), ("morgan", "assigned", "item:2", None),
        ("morgan", "assigned", "item:3", None), ("morgan", "waiting", "item:2", "Form sent"),
        ("morgan", "noted", "item:3", "Called"),
    ]  # fmt: skip
    history = [(one.kind, one.actor, one.before, one.after, one.note) for one in queries.read_history(opened, [2])]
    assert history == [
        ("opened", None, None, "new", None), ("acknowledged", "morgan", "new", "acknowledged", None),
        ("assigned", "morgan", None, "chen", None), ("waiting", "morgan", None, "the carrier", "Form sent"),
    ]  # fmt: skip
    (first, *_) = rows_of(opened, "SELECT before, after FROM audit_v ORDER BY entry_id")
    assert [json.loads(first[name])["state"] for name in ("before", "after")] == ["new", "acknowledged"]
    assert audit.verify(opened).broken is None


def test_items_of_other_offices_are_left_as_they_are(opened: Ledger) -> None:
    assert work.acknowledge(opened, MORGAN, [1, 2, 3, 4, 99]) == 2
    assert work.assign(opened, Person("nobody", ()), [1, 2, 3, 4], "chen") == 0
    states = {row["item_id"]: row["state"] for row in rows_of(opened, "SELECT item_id, state FROM work_item")}
    assert states == {1: "new", 2: "acknowledged", 3: "acknowledged", 4: "new"}
    assert len(audited(opened)) == 2
    assert work.acknowledge(opened, Person("admin", None), [1, 2, 3, 4]) == 2


def test_what_is_done_already_is_not_done_again(opened: Ledger) -> None:
    assert work.assign(opened, MORGAN, [2], "chen") == 1
    assert work.assign(opened, MORGAN, [2], "chen") == 0
    assert work.assign(opened, MORGAN, [2], None) == 1
    assert len(audited(opened)) == 2


def test_a_mended_item_is_left_as_it_is(opened: Ledger, nights: Nights) -> None:
    nights.run()
    assert work.acknowledge(opened, MORGAN, [2, 3]) == 0
    assert audited(opened) == []


def test_what_cannot_be_kept_is_refused(opened: Ledger) -> None:
    refused: dict[str, Callable[[], int]] = {
        "The note is empty": lambda: work.add_note(opened, MORGAN, [2], "  "),
        "for whom": lambda: work.wait_for(opened, MORGAN, [2], " "),
        "2,001 characters": lambda: work.add_note(opened, MORGAN, [2], "x" * 2_001),
        "at most 256": lambda: work.assign(opened, MORGAN, [2], "x" * 257),
    }
    for why, act in refused.items():
        with pytest.raises(ParamsError, match=why):
            act()
    assert audited(opened) == []


def test_many_items_change_with_few_statements(opened: Ledger, nights: Nights) -> None:
    nights.run(*(found("H1", record=f"account:{number}") for number in range(300)))
    mine = queries.list_items(opened, {7}, Filters(), limit=500)
    assert work.acknowledge(opened, MORGAN, [item.item_id for item in mine], "seen") == len(mine) >= 300
    assert len(audited(opened)) == len(mine)
    assert audit.verify(opened).broken is None
