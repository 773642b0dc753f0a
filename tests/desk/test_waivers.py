"""Waivers on the desk: two persons for a critical one, what it lets through, and the audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from etl.load.ledger.desk import audit
from etl.load.ledger.desk.waivers import find_waiver
from tests.desk.office import Office, Visitor, make_office
from tests.load.ledger.desk.desks import BEGINNING, Nights, found, labelled, rows_of

HOSTILE = "<script>alert(1)</script>\u202e" + "x" * 260


def one_night(office: Office) -> None:
    nights = Nights(office.ledger)
    nights.run(
        found("H1", "LIA-TERM", "liability:5"), found("H1", "POL-NAME-MISSING", "policy:3", vendor="emoney"),
        found("H2", "DEM-NAME"), found("H2", "ACC-NET", "account:5", severity="warning"),
        labels=labelled(("H1", "Nightingale", 1, "main.morgan"), ("H2", "Castellan", 3, "harbor.reed")),
    )  # fmt: skip


@pytest.fixture
def waiving(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, one_night, desk={"deciders": ["main.morgan"]})
    office.ledger.now = lambda: BEGINNING + timedelta(days=2)
    yield office
    office.ledger.engine.dispose()


@pytest.fixture
def morgan(waiving: Office) -> Visitor:
    return waiving.visitor("main.morgan")


@pytest.fixture
def admin(waiving: Office) -> Visitor:
    return waiving.visitor("admin", is_admin=True)


def item_of(office: Office, rule: str) -> int:
    (row,) = rows_of(office.ledger, f"SELECT item_id FROM work_item WHERE rule_id = '{rule}'")
    return int(row["item_id"])


def ask(visitor: Visitor, item: int, **given: str) -> str:
    answer = visitor.send(f"/items/{item}/waive", **{"until": "2026-02-01", "reason": "in spring", **given})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def kinds(office: Office, item: int) -> list[str]:
    found = rows_of(office.ledger, f"SELECT kind FROM work_item_event WHERE item_id = {item} ORDER BY event_id")
    return [row["kind"] for row in found]


def test_form_shows_what_goes_and_what_still_holds_the_household(waiving: Office, morgan: Visitor) -> None:
    page = morgan.read(f"/items/{item_of(waiving, 'LIA-TERM')}/waive").words
    assert "Profiles: the household goes as it is" in page
    assert "eMoney: nothing goes, for 1 other critical item holds it" in page
    assert "LIA-TERM is critical." in page


def test_critical_waiver_takes_two_persons(waiving: Office, morgan: Visitor, admin: Visitor) -> None:
    item = item_of(waiving, "LIA-TERM")
    place = ask(morgan, item)
    assert "Waits for a second person" in morgan.read(place).words
    own = morgan.send(place, do="approve")
    assert (own.status_code, "a second person" in own.text) == (422, True)
    assert admin.send(place, do="approve").status_code == 303
    waiver = find_waiver(waiving.ledger, 1)
    assert (waiver.asked_by, waiver.approved_by, str(waiver.until_day)) == ("main.morgan", "admin", "2026-02-01")
    assert "In force, signed by two" in morgan.read("/waivers").words
    assert kinds(waiving, item)[-2:] == ["waiver asked", "waived"]
    actions = [row["action"] for row in rows_of(waiving.ledger, "SELECT action FROM audit_entry ORDER BY entry_id")]
    assert actions == ["waiver asked", "waiver approved"]
    assert audit.verify(waiving.ledger).broken is None


def test_warning_is_waived_by_one(waiving: Office, admin: Visitor) -> None:
    place = ask(admin, item_of(waiving, "ACC-NET"), what="record")
    assert "Signed by one: covers nothing critical" in admin.read(place).words
    assert find_waiver(waiving.ledger, 1).entity_id == "5"


def test_waiver_is_ended_with_a_reason(waiving: Office, morgan: Visitor) -> None:
    item = item_of(waiving, "LIA-TERM")
    place = ask(morgan, item)
    assert morgan.send(place, do="end", reason=" ").status_code == 422
    assert morgan.send(place, do="end", reason="not any more").status_code == 303
    assert find_waiver(waiving.ledger, 1).ended_by == "main.morgan"
    assert kinds(waiving, item)[-1] == "waiver ended"
    assert morgan.send(place, do="end", reason="again").status_code == 422


def test_rule_that_protects_identity_has_no_form_and_takes_none(waiving: Office, admin: Visitor) -> None:
    item = item_of(waiving, "DEM-NAME")
    page = admin.read(f"/items/{item}/waive")
    assert "DEM-NAME cannot be waived, because" in page.words
    assert not [one for one in page.all("input") if one.get("name") == "until"]
    answer = admin.send(f"/items/{item}/waive", until="2026-02-01", reason="x")
    assert (answer.status_code, rows_of(waiving.ledger, "SELECT * FROM waiver")) == (422, [])


@pytest.mark.parametrize("given", [{"until": "2026-01-03"}, {"until": "soon"}, {"reason": ""}])
def test_what_cannot_be_is_refused_and_nothing_is_kept(waiving: Office, morgan: Visitor, given: dict[str, str]) -> None:
    whole = {"until": "2026-02-01", "reason": "in spring", **given}
    assert morgan.send(f"/items/{item_of(waiving, 'LIA-TERM')}/waive", **whole).status_code == 422
    assert rows_of(waiving.ledger, "SELECT * FROM waiver") == []
    assert rows_of(waiving.ledger, "SELECT * FROM audit_entry") == []


def test_who_may_not_decide_or_see_the_office_waives_nothing(waiving: Office, morgan: Visitor, admin: Visitor) -> None:
    reed = waiving.visitor("harbor.reed")
    assert reed.get(f"/items/{item_of(waiving, 'ACC-NET')}/waive").status_code == 403
    assert morgan.get(f"/items/{item_of(waiving, 'ACC-NET')}/waive").status_code == 404
    place = ask(admin, item_of(waiving, "ACC-NET"))
    assert morgan.get(place).status_code == 404
    assert morgan.send(place, do="end", reason="x").status_code == 404
    assert "Castellan" not in morgan.read("/waivers").words


def test_hostile_reason_stays_text(waiving: Office, morgan: Visitor) -> None:
    place = ask(morgan, item_of(waiving, "LIA-TERM"), reason=HOSTILE)
    text = morgan.get(place).text
    assert "<script>" not in text
    assert "\u202e" not in text


def test_waived_item_is_shown_as_waived_while_a_waiver_covers_it(
    waiving: Office, morgan: Visitor, admin: Visitor
) -> None:
    item = item_of(waiving, "LIA-TERM")
    place = ask(morgan, item)
    waived, link = "/?state=waived", f'/items/{item}"'
    for path in (f"/items/{item}", "/household/H1"):
        assert "Waived" not in morgan.read(path).words
    assert (link in morgan.get("/").text, link in morgan.get(waived).text) == (True, False)
    admin.send(place, do="approve")
    for path in (waived, f"/items/{item}", "/household/H1"):
        assert "Waived ·" in morgan.read(path).words
    assert (link in morgan.get("/").text, link in morgan.get(waived).text) == (False, True)
    assert "waived" in morgan.get("/worklist.csv?state=all").text
    assert "Work list: 1 item" in morgan.read(waived).words
    waiving.ledger.now = lambda: BEGINNING + timedelta(days=60)
    assert "Waived ·" not in morgan.read(f"/items/{item}").words
    assert (link in morgan.get("/").text, link in morgan.get(waived).text) == (True, False)
