"""The pages of rules and of what the checks see, over the real application: every rule, and no gap left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.rules import FAMILIES, TABLE
from expectations.rules.cards import cards, title
from include.coverage.table import FOUND_NOTHING, MAY_LOOK_RIGHT, committed
from tests.desk.office import Office, make_office
from tests.desk.test_worklist import HARBOR, LABELS
from tests.load.ledger.desk.desks import Nights, found


def one_night(office: Office) -> None:
    nights = Nights(office.ledger)
    nights.run(found("H1"), found("H2"), found("H1", "ACC-NET"), labels=LABELS)
    nights.run(found("H1"), found("H2"), found("H1", "ACC-NET"), found("H3"), units=("H1", "H2", "H3"), labels=HARBOR)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, one_night)
    yield office
    office.ledger.engine.dispose()


def test_every_rule_is_on_the_page_with_its_card_and_its_remedies(office: Office) -> None:
    page = office.visitor("main.morgan").read("/checks")
    ids = {one.get("id") for one in page.all("details")}
    assert ids == {rule.rule_id for rule in TABLE}
    for rule in TABLE:
        card = cards()[rule.rule_id]
        for text in (card.title, card.why, card.example, card.stays, *rule.remedies):
            assert " ".join(text.split()) in page.words, rule.rule_id
    for family in FAMILIES:
        assert family in page.words


def test_open_items_are_counted_in_the_offices_of_the_user(told: Office) -> None:
    admin = told.visitor("admin", is_admin=True).read("/checks")
    assert f"{title('DEM-NAME')} DEM-NAME Critical 3 open items" in admin.words
    assert f"{title('ACC-NET')} ACC-NET Warning 1 open item" in admin.words
    reed = told.visitor("harbor.reed").read("/checks")
    assert f"{title('DEM-NAME')} DEM-NAME Critical 1 open item" in reed.words
    assert f"{title('ACC-NET')} ACC-NET Warning nothing open" in reed.words


def test_a_severity_that_the_office_has_set_is_shown_as_such(tmp_path: Path) -> None:
    overrides = tmp_path / "rules.toml"
    overrides.write_text('ACC-NET = "critical"\n')
    office = make_office(tmp_path, rules={"file": str(overrides)})
    page = office.visitor("main.morgan").read("/checks")
    assert f"{title('ACC-NET')} ACC-NET Critical nothing open" in page.words
    assert "Critical, set by this office; warning by the rule book" in page.words
    assert page.words.count("set by this office") == 1
    office.ledger.engine.dispose()


def test_the_page_of_coverage_lists_every_gap(office: Office) -> None:
    text = office.visitor("main.morgan").get("/coverage").text
    page = office.visitor("main.morgan").read("/coverage")
    gaps = [line for line in committed() if FOUND_NOTHING in (line.profiles, line.emoney)]
    for line in gaps:
        field = line.field.replace(".", " › ").replace("_", " ")
        assert f"{field} {line.corruption}" in page.words
    assert any(line.corruption in MAY_LOOK_RIGHT for line in gaps)
    assert "Total Income goes instead." in page.words
    assert 'href="/checks#DEM-BIRTH-DATE"' in text.replace("/desk", "")


def test_both_pages_are_for_those_who_have_logged_in(office: Office) -> None:
    for path in ("/checks", "/coverage"):
        assert office.stranger().get(path).status_code == 303
