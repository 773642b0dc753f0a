"""The work list and an item, over the real application and a real ledger."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from etl.load.ledger.desk import queries
from etl.load.ledger.tables import unit_state
from expectations.rules.cards import cards, title
from tests.desk.office import Office, Visitor, make_office
from tests.load.ledger.desk.desks import BEGINNING, Nights, found, labelled
from tests.report.pages import Page

HOSTILE = '=HYPERLINK("x")<script>alert(1)</script>\u202eevil😀' + "x" * 260
LABELS = labelled(("H1", "Nightingale", 1, "main.morgan"), ("H2", "Castellan", 2, "lakeside.chen"), contacts="31 32")
HARBOR = labelled(("H3", HOSTILE, 3, "harbor.reed"), ("C4", "", 3, "harbor.reed"))


def two_nights(office: Office) -> None:
    nights = Nights(office.ledger)
    nights.run(found("H1", severity="warning"), found("H2", "ACC-NET", "account:5", vendor="emoney"), labels=LABELS)
    nights.run(
        found("H1", severity="warning"), found("H2", "ACC-NET", "account:5", vendor="emoney"), found("H3"), found("C4"),
        units=("H1", "H2", "H3", "C4"), labels=HARBOR,
    )  # fmt: skip
    ended = {"profiles": {"H1": "unchanged", "H2": "held"}, "emoney": {"H1": "held"}}
    for vendor, units in ended.items():
        rows = [{"vendor": vendor, "unit_key": key, "outcome": outcome} for key, outcome in units.items()]
        office.ledger.save(unit_state, rows)


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, two_nights)
    office.ledger.now = lambda: BEGINNING + timedelta(days=10)
    yield office
    office.ledger.engine.dispose()


@pytest.fixture
def admin(listed: Office) -> Visitor:
    return listed.visitor("admin", is_admin=True)


def keys(page: Page) -> list[str]:
    """The units of the list, in its order."""
    links = [str(one.get("href")) for one in page.all("a")]
    return [link.rpartition("/")[2] for link in links if "/household/" in link]


def test_the_heading_counts_what_is_shown(admin: Visitor) -> None:
    assert "Work list: 4 items (3 households, 1 person)" in admin.read("/").words
    assert "Work list: 1 item (1 household)" in admin.read("/", rule="ACC-NET").words
    assert "Work list: 0 items (0 households)" in admin.read("/", state="mended").words


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"office": "1"}, ["H1"]), ({"advisor": "lakeside.chen"}, ["H2"]), ({"rule": "ACC-NET"}, ["H2"]),
        ({"severity": "warning"}, ["H1"]), ({"vendor": "emoney", "office": "2"}, ["H2"]),
        ({"days": "9"}, ["H2", "H1"]),
        ({"state": "mended"}, []),
        ({"outcome": "held"}, ["H1", "H2"]), ({"outcome": "held", "vendor": "emoney"}, ["H1"]),
        ({"office": "", "advisor": "", "days": "", "rows": "50"}, ["H2", "H3", "C4", "H1"]),
    ],
)  # fmt: skip
def test_a_view_stands_in_the_address(admin: Visitor, query: dict[str, str], expected: list[str]) -> None:
    assert sorted(keys(admin.read("/", **query))) == sorted(expected)


@pytest.mark.parametrize(
    "query",
    [
        {"office": "x"},
        {"sort": "x"},
        {"state": "x"},
        {"outcome": "x"},
        {"rows": "7"},
        {"days": "9" * 30},
        {"page": "9" * 9},
    ],
)  # fmt: skip
def test_an_address_that_no_list_has_is_refused_in_words(admin: Visitor, query: dict[str, str]) -> None:
    answer = admin.get("/", **query)
    assert answer.status_code == 422
    assert "has a value of" in answer.text


def test_own_items_come_first(listed: Office) -> None:
    assert keys(listed.visitor("main.morgan").read("/", sort="household", order="down"))[0] == "H1"


def test_a_steward_sees_the_items_of_their_offices_and_no_other(listed: Office) -> None:
    chen = listed.visitor("lakeside.chen")
    assert keys(chen.read("/")) == ["H2"]
    assert "Nightingale" not in chen.get("/", state="all").text
    assert "Nightingale" not in chen.get("/worklist.csv").text
    answers = [chen.get(f"/items/{item_id}").status_code for item_id in range(1, 6)]
    assert sorted(answers) == [200, 404, 404, 404, 404]


def test_counts_by_rule_and_by_office_are_links_to_those_items(admin: Visitor) -> None:
    page = admin.read("/", vendor="emoney")
    links = [str(one.get("href")) for one in page.all("a")]
    assert "/?rule=ACC-NET&vendor=emoney" in links
    assert "/?office=2&vendor=emoney" in links


def test_the_pages_of_a_list_hold_each_item_once(listed: Office, admin: Visitor) -> None:
    many = [f"H{number}" for number in range(100, 220)]
    labels = labelled(*((key, "Many", 1, "many") for key in many))
    Nights(listed.ledger, 10).run(*map(found, many), units=many, labels=labels)
    pages = [keys(admin.read("/", advisor="many", page=str(page))) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [50, 50, 20, 0]
    assert len({key for page in pages for key in page}) == 120
    assert "There is no such page" in admin.read("/", advisor="many", page="4").words


def test_hostile_names_stay_text_on_the_list_and_in_its_files(admin: Visitor) -> None:
    text = admin.get("/", office="3").text
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text
    rows = list(csv.DictReader(io.StringIO(admin.get("/worklist.csv", office="3").text.removeprefix("\ufeff"))))
    assert [row["unit_key"] for row in rows] == ["C4", "H3"]
    assert rows[1]["household"].startswith("'=HYPERLINK")
    book = openpyxl.load_workbook(io.BytesIO(admin.get("/worklist.xlsx", office="3").content))
    names = [cell.value for cell in next(book.active.iter_rows(max_row=1))]
    cells = {name: cell for row in book.active.iter_rows(min_row=2) for name, cell in zip(names, row, strict=True)}
    assert {name for name, cell in cells.items() if cell.value and cell.data_type != "s"} == {"Nights"}


def test_a_file_has_all_pages_of_what_is_shown_and_nothing_else(admin: Visitor) -> None:
    answer = admin.get("/worklist.csv", severity="warning")
    assert answer.headers["content-disposition"] == 'attachment; filename="worklist.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (row["unit_key"], row["severity"], row["nights"]) == ("H1", "warning", "2")


def test_an_item_shows_its_card_and_its_history(listed: Office, admin: Visitor) -> None:
    item_id = id_of(listed, "H2")
    words = admin.read(f"/items/{item_id}").words
    assert title("ACC-NET") in words
    assert cards()["ACC-NET"].why in words
    assert "Opened" in words
    assert admin.get("/items/999999").status_code == 404
    for no_number in ("none", "0", "9" * 40):
        assert admin.get(f"/items/{no_number}").status_code == 422


def id_of(office: Office, unit_key: str) -> int:
    (item,) = queries.items_of_unit(office.ledger, None, unit_key)
    return item.item_id


def test_ticked_items_are_acknowledged_and_the_list_says_so_once(listed: Office) -> None:
    morgan = listed.visitor("main.morgan")
    item_id = id_of(listed, "H1")
    answer = morgan.send("/work", item=item_id, do="acknowledge", note="asked the client", severity="warning")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?severity=warning")
    page = morgan.read("/", severity="warning")
    assert "1 item acknowledged." in page.words
    assert "Acknowledged" in page.words
    assert "1 item acknowledged." not in morgan.read("/").words
    assert "asked the client" in morgan.read(f"/items/{item_id}").words
    (entry,) = listed.ledger.select("SELECT actor, action, subject, reason FROM audit_entry")
    assert entry == {
        "actor": "main.morgan", "action": "acknowledged", "subject": f"item:{item_id}", "reason": "asked the client",
    }  # fmt: skip


def test_all_items_of_a_view_are_assigned_at_once(listed: Office) -> None:
    morgan = listed.visitor("main.morgan")
    morgan.send("/work", which="all", do="assign", to="lakeside.chen")
    assert keys(listed.visitor("admin", is_admin=True).read("/", assigned_to="lakeside.chen")) == ["H2", "H1"]
    assert "2 items assigned to lakeside.chen." in morgan.read("/").words


def test_an_item_waits_for_somebody_from_its_own_page(listed: Office) -> None:
    morgan = listed.visitor("main.morgan")
    item_id = id_of(listed, "H1")
    answer = morgan.send("/work", item=item_id, back=item_id, do="wait", somebody="the carrier")
    assert answer.headers["location"] == f"/items/{item_id}"
    assert "Waiting for the carrier" in morgan.read(f"/items/{item_id}").words


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"do": "acknowledge"}, "No item was ticked"),
        ({"do": "wait", "item": "1"}, "Say for whom"),
        ({"do": "note", "item": "1"}, "The note is empty"),
        ({"do": "dance", "item": "1"}, "does not say what to do"),
    ],
)
def test_a_form_that_says_too_little_changes_nothing(listed: Office, form: dict[str, str], words: str) -> None:
    answer = listed.visitor("main.morgan").send("/work", **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert listed.ledger.select("SELECT * FROM audit_entry") == []


def test_items_of_other_offices_cannot_be_changed(listed: Office) -> None:
    chen = listed.visitor("lakeside.chen")
    chen.send("/work", item=id_of(listed, "H1"), do="acknowledge")
    chen.send("/work", which="all", do="acknowledge")
    (entry,) = listed.ledger.select("SELECT subject FROM audit_entry")
    assert entry == {"subject": f"item:{id_of(listed, 'H2')}"}


def test_who_may_only_read_has_no_form_and_cannot_send_one(listed: Office) -> None:
    morgan = listed.visitor("main.morgan")
    token = morgan.token()
    reader = listed.visitor("main.morgan", may_trigger=False)
    assert [one.get("action") for one in reader.read("/").all("form")] == ["/search", "/"]
    answer = reader.client.post(
        "/work", data={"token": token, "do": "acknowledge", "item": "1"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 403


def test_links_lead_to_the_record_in_the_crm_where_the_setting_names_it(listed: Office) -> None:
    address = "https://crm.example.com/{kind}/{id}"
    listed.desk.settings.__dict__["crm"] = listed.desk.settings.crm.model_copy(update={"record_url": address})
    admin = listed.visitor("admin", is_admin=True)
    item = f"/items/{id_of(listed, 'H2')}"
    links = set(admin.read(item).values("href"))
    assert {"https://crm.example.com/household/2", "https://crm.example.com/account/5"} <= links
    in_a_frame = admin.client.get(item, headers={"sec-fetch-dest": "iframe"}).text
    assert "crm.example.com" not in in_a_frame
