"""The forecast of a night names what the night does, and changes nothing for it."""

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from etl.load.ledger.desk import forecasts
from etl.load.ledger.desk.forecasts import FORECAST, SHOWN, Forecast
from include.pipelines.refresh.forecast import report_forecast
from tests.load.advisors import edit_person
from tests.run_book import Book, BookSnapshot, Ran, Restore, snapshot

UNCHANGED_BY_A_FORECAST = (
    "unit_state", "link", "sent", "case_base", "delivery", "feed", "household_lock", "open_finding", "pin",
    "guard_stop", "work_item", "work_item_event", "work_unit", "former_link", "contact_merge", "field_decision",
)  # fmt: skip


def forecast_of(book: Book, as_of: str) -> Forecast:
    """A forecast, by the stages of the night with writes off."""
    context = book.context(as_of, dry_run=True)
    context = replace(context, request=replace(context.request, dag_id=FORECAST))
    book.contexts.append(context)
    book.load(context, book.prepare(context))
    report_forecast(context)
    found = forecasts.find_forecast(context.ledger)
    assert found is not None
    return found


def named(book: Book) -> set[tuple[str, str, str]]:
    ledger = book.context().ledger
    return {
        (one.vendor, one.unit_key, one.outcome)
        for kind in SHOWN
        for one in forecasts.read_units(ledger, None, kind, limit=1000)
    }


def done(ran: Ran) -> set[tuple[str, str, str]]:
    rows = ran.rows("outcome_v")
    return {(row["vendor"], row["unit_key"], row["outcome"]) for row in rows if row["outcome"] != "unchanged"}


def rows_of(book: Book) -> dict[str, list[Any]]:
    with book.context().ledger.read() as connection:
        return {
            name: sorted(map(repr, connection.execute(sa.text(f"SELECT * FROM {name}")).all()))
            for name in UNCHANGED_BY_A_FORECAST
        }


@snapshot
def sent(book: Book) -> None:
    for number in range(1, 9):
        book.couple(number)
    book.run("2026-11-19")


def change_at_random(book: Book, random: Random) -> None:
    """Some households are mended, broken, changed, new or edited by an advisor."""
    for number in range(1, 9):
        match random.choice(("nothing", "birth date", "phone", "value", "policy", "edit", "head", "gone")):
            case "birth date":
                book.crm.update("contact", {"contact_id": number * 100 + 1}, birth_date=None)
            case "phone":
                book.phone(number, number * 100 + 1, f"555-01{number:02}")
            case "value":
                book.crm.update("investment_account", {"account_id": number}, account_value=7, net_value=7)
            case "policy":
                book.crm.update("policy", {"policy_id": number}, product_id=None)
            case "edit":
                edit_person(book.vendors, key=f"household:{number}", fax="555-0199")
            case "head":
                book.crm.update("household", {"household_id": number}, head_contact_id=number * 100 + 2)
            case "gone":
                book.crm.update("contact", {"contact_id": number * 100 + 2}, is_deceased=True)
    for number in range(9, 9 + random.randrange(3)):
        book.couple(number, **({"last_name": None} if random.random() < 0.5 else {}))


@pytest.mark.parametrize("seed", range(6))
def test_night_does_exactly_what_the_forecast_has_named(sent: BookSnapshot, restore: Restore, seed: int) -> None:
    book = restore(sent)
    change_at_random(book, Random(seed))
    forecast_of(book, "2026-11-20")
    expected = named(book)
    assert done(book.run("2026-11-20")) == expected


def test_forecast_changes_nothing_for_the_night(sent: BookSnapshot, restore: Restore) -> None:
    book = restore(sent)
    change_at_random(book, Random(3))
    before, cases = rows_of(book), book.vendors.cases()
    forecast_of(book, "2026-11-20")
    assert rows_of(book) == before
    assert book.vendors.cases() == cases


def test_only_the_last_forecast_is_kept(sent: BookSnapshot, restore: Restore) -> None:
    book = restore(sent)
    book.crm.update("contact", {"contact_id": 101}, birth_date=None)
    forecast_of(book, "2026-11-20")
    second = forecast_of(book, "2026-11-20")
    with book.context().ledger.read() as connection:
        runs = connection.execute(sa.text("SELECT run_id FROM run WHERE dag_id = 'tonight_forecast'")).scalars().all()
    assert runs == [second.run_id]
    assert second.counts["profiles"]["held"] == 1
    assert not list((book.folder / "data" / "reports").glob(f"*{second.run_id}*"))


def test_unit_that_is_mended_and_checked_again_is_taken_off(sent: BookSnapshot, restore: Restore) -> None:
    book = restore(sent)
    for number in (1, 2):
        book.crm.update("contact", {"contact_id": number * 100 + 1}, birth_date=None)
    forecast_of(book, "2026-11-20")
    ledger = book.context().ledger
    assert sum(of.get("held", 0) for of in forecasts.count_units(ledger, None).values()) == 4
    book.crm.update("contact", {"contact_id": 101}, birth_date=date(1970, 5, 2))
    book.run("2026-11-20", unit_keys=("H1",))
    held = forecasts.read_units(ledger, None, "held")
    assert {(one.unit_key, one.is_mended) for one in held} == {("H1", True), ("H2", False)}
    assert sum(of.get("held", 0) for of in forecasts.count_units(ledger, None).values()) == 2
    assert not forecasts.find_forecast(ledger).has_come  # type: ignore[union-attr]
    book.run("2026-11-20")
    assert forecasts.find_forecast(ledger).has_come  # type: ignore[union-attr]


def test_units_of_other_offices_are_neither_shown_nor_counted(sent: BookSnapshot, restore: Restore) -> None:
    book = restore(sent)
    book.crm.update("contact", {"contact_id": 101}, birth_date=None)
    forecast_of(book, "2026-11-20")
    ledger = book.context().ledger
    assert {one.unit_key for one in forecasts.read_units(ledger, [1], "held")} == {"H1"}
    assert forecasts.read_units(ledger, [2], "held") == []
    assert forecasts.count_units(ledger, [2]) == {}
