"""The work list, an item with its history, and what people do with items, one or many at once."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from etl.errors import ParamsError
from etl.load.ledger.desk import queries, waivers, work
from etl.load.ledger.desk.queries import Item
from etl.load.ledger.desk.work import Person
from expectations.rules.cards import cards, title
from include.desk import kit
from include.desk.context import Desk, Refused, desk_of
from include.desk.security import WORK, DeskUser, SerialId, User, form_of, not_there
from include.desk.view import ROWS, View, selects
from include.report.display import counted, vendor_name

router = APIRouter()

# The columns of the list, and what they are sorted by.
COLUMNS = (
    ("Household", "household"), ("Rule", "rule"), ("Record", "record"), ("Severity", "severity"), ("Since", "since"),
    ("Nights", ""), ("Assigned to", "assigned"), ("State", "state"),
)  # fmt: skip
EXPORT_COLUMNS = (
    *("severity", "state", "household", "unit_key", "head", "office", "advisor", "rule", "rule_id", "record"),
    *("record_id", "field", "message", "remedy", "since", "nights", "vendors", "assigned_to", "waiting_for"),
)


@router.get("/")
def work_list(request: Request, user: User) -> Response:
    """The items of a view, own items first, with counts by rule and by office."""
    desk = desk_of(request)
    ledger, view = desk.ledger, View.of(request.query_params, desk.today)
    counts = queries.count_items(ledger, user.offices, view.filters)
    items = queries.list_items(
        ledger, user.offices, view.filters, me=user.name, sort=view.sort, descending=view.descending,
        limit=view.rows, offset=view.offset,
    )  # fmt: skip
    return kit.page(
        request,
        "worklist.html.j2",
        view=view,
        counts=counts,
        items=items,
        waived=waivers.covering(ledger, items, desk.today),
        heading=_heading(counts),
        selects=selects(view, queries.read_choices(ledger, user.offices), user.name),
        columns=COLUMNS,
        rows_choices=ROWS,
        rule_title=title,
        is_ticked=request.query_params.get("ticked") == "page",
        last_page=max(-(-counts.items // view.rows), 1),
    )


@router.get("/worklist.csv")
def as_csv(request: Request, user: User) -> Response:
    """The items of a view as CSV, all pages."""
    from include.report.sheets import write_csv

    file = io.BytesIO()
    write_csv(file, _frame(desk_of(request), user, request.query_params))
    return _file(file.getvalue(), "worklist.csv", "text/csv; charset=utf-8")


@router.get("/worklist.xlsx")
def as_workbook(request: Request, user: User) -> Response:
    """The items of a view as a workbook, all pages."""
    from include.report.sheets import workbook, write_sheet

    file = io.BytesIO()
    rows = _frame(desk_of(request), user, request.query_params)
    with tempfile.TemporaryDirectory(prefix="desk-") as scratch, workbook(file, Path(scratch)) as book:
        write_sheet(book, "work list", rows, "worklist.csv holds them all", numbers=("nights",))
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _file(file.getvalue(), "worklist.xlsx", kind)


@router.get("/items/{item_id}")
def one_item(request: Request, user: User, item_id: SerialId) -> Response:
    """An item: what is wrong, the card of its rule, its history, and what one can do."""
    ledger = desk_of(request).ledger
    item = queries.find_item(ledger, user.offices, item_id)
    if item is None:
        raise not_there()
    return kit.page(
        request,
        "item.html.j2",
        item=item,
        waived=waivers.covering(ledger, [item], desk_of(request).today),
        card=cards().get(item.rule_id),
        rule_title=title,
        history=queries.read_history(ledger, [item_id]),
    )


@router.post("/work")
def work_on(request: Request, user: User) -> Response:
    """Acknowledges, assigns, lets wait or notes the ticked items, or all of a view."""
    user.require(WORK)
    given = form_of(request)
    desk = desk_of(request)
    view = View.of(given, desk.today)
    item_ids = _meant(desk, user, view, given)
    if not item_ids:
        raise Refused("No item was ticked. Go back, tick the items, or choose all items of this list.", 422)
    try:
        sentence = _do(desk, Person(user.name, user.offices), item_ids, given)
    except ParamsError as error:
        raise Refused(f"{error} Go back and send the form again.", 422) from None
    back = str(given.get("back") or "")
    if _is_id(back):
        return kit.done(request, f"/items/{int(back)}", sentence)
    return kit.done(request, "/", sentence, view.query())


def _meant(desk: Desk, user: DeskUser, view: View, given: FormData) -> list[int]:
    """The items that a form is about."""
    if given.get("which") == "all":
        return queries.find_ids(desk.ledger, user.offices, view.filters)
    ticked = [str(one) for one in given.getlist("item")]
    return [int(one) for one in ticked if _is_id(one)]


def _is_id(text: str) -> bool:
    """Whether a form names an item: a number that a database can take."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _do(desk: Desk, person: Person, item_ids: list[int], given: FormData) -> str:
    """Does what a form says; gives the sentence about it."""
    what, note = given.get("do"), str(given.get("note") or "")
    if what == "acknowledge":
        return f"{counted(work.acknowledge(desk.ledger, person, item_ids, note), 'item')} acknowledged."
    if what == "assign":
        to = str(given.get("to") or "").strip()
        changed = counted(work.assign(desk.ledger, person, item_ids, to or None, note), "item")
        return f"{changed} assigned to {to}." if to else f"{changed} assigned to nobody."
    if what == "wait":
        somebody = str(given.get("somebody") or "").strip()
        changed = counted(work.wait_for(desk.ledger, person, item_ids, somebody, note), "item")
        return f"{changed} waiting for {somebody}."
    if what == "note":
        return f"Note added to {counted(work.add_note(desk.ledger, person, item_ids, note), 'item')}."
    raise Refused("The form does not say what to do. Go back and press one of its buttons.", 422)


def _heading(counts: queries.Counts) -> str:
    """What is shown, in numbers: ``31 items (12 households, 1 person)``."""
    parts = [counted(counts.households, "household")] if counts.households or not counts.persons else []
    parts += [counted(counts.persons, "person")] if counts.persons else []
    return f"{counted(counts.items, 'item')} ({', '.join(parts)})"


def _frame(desk: Desk, user: DeskUser, given: Mapping[str, Any]) -> Any:
    """All items of the view of an address as text, a row each, in its order."""
    import pandas as pd

    view = View.of(given, desk.today)
    items = list(
        queries.export_items(
            desk.ledger, user.offices, view.filters, me=user.name, sort=view.sort, descending=view.descending
        )
    )
    waived = waivers.covering(desk.ledger, items, desk.today)
    return pd.DataFrame(_rows(items, waived), columns=list(EXPORT_COLUMNS)).astype("str")


def _rows(items: Iterable[Item], waived: Collection[int]) -> Iterable[tuple[Any, ...]]:
    for one in items:
        vendors = ", ".join(vendor_name(vendor) for vendor in one.vendors.split())
        yield (
            one.severity, "waived" if one.item_id in waived else one.state,
            one.household_name, one.unit_key, one.head_name, one.office_name, one.advisor,
            title(one.rule_id), one.rule_id, one.entity, one.entity_id, one.fields or "", one.message,
            one.remedy or "", one.opened_at.date().isoformat(), one.nights, vendors, one.assigned_to or "",
            one.waiting_for or "",
        )  # fmt: skip


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
