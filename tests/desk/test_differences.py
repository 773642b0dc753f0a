"""The page of differences: families whose sources of the spouse differ, and units that the vendors have differently."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from etl.load.ledger import links
from etl.load.ledger.tables import unit_state
from expectations.rules import RULES
from include.desk.differences import KEPT, OF_ACCOUNTS, OF_THE_SPOUSE, Difference, differences
from tests.desk.office import Office, make_office
from tests.desk.test_worklist import HARBOR, HOSTILE, LABELS
from tests.load.ledger.desk.desks import Nights, found

CLIENT = {"firstName": "Ann", "lastName": "Harbor", "birthDate": "1970-05-01"}
SPOUSE = {"firstName": "Eve", "lastName": "Harbor", "birthDate": "1971-06-02"}
ASSET = {"externalSourceId": "account:5", "holdingsValue": 1000.0, "cashBalance": None}
DAY = date(2026, 1, 31)


def case(**parts: Any) -> dict[str, Any]:
    return {"clientA": CLIENT, "clientB": SPOUSE, "dependents": [{"firstName": "Sam"}], "assets": [ASSET], **parts}


def at_emoney(person: dict[str, Any]) -> dict[str, Any]:
    return {"dateOfBirth" if name == "birthDate" else name: value for name, value in person.items()}


def items(**values: Any) -> dict[str, Any]:
    return {"account:5": {"holdingsValue": 1000.0, "cashBalance": None, **values}, "policy:7": {"kind": "policy"}}


def found_in(case_sent: Any, items_sent: Any, *rules: str, client: Any = CLIENT, spouse: Any = SPOUSE) -> list[str]:
    emoney = (at_emoney(client), at_emoney(spouse) if spouse else None)
    return [f"{one.record}: {one.field}" for one in differences(case_sent, *emoney, items_sent, rules)]


def test_what_the_rules_want_different_is_no_difference() -> None:
    assert found_in(case(), items()) == []
    annuity = {"externalSourceId": "policy:8", "holdingsValue": 5.0}
    assert found_in(case(assets=[ASSET, annuity], liabilities=[{"currentBalance": 1}]), items()) == []
    assert list(differences(None, None, None, None)) == []
    assert list(differences(case(), None, None, items())) == []


def test_names_birth_dates_and_values_of_accounts_are_compared() -> None:
    assert found_in(case(), items(), client={**CLIENT, "birthDate": "1970-05-02"}) == ["client: Birth Date"]
    assert found_in(case(), items(), spouse={**SPOUSE, "lastName": "Quay"}) == ["spouse: Last Name"]
    assert found_in(case(), items(), spouse=None) == ["spouse: only Profiles has one"]
    assert found_in(case(), items(holdingsValue=900.0)) == [
        "account 5: Account Value",
        "accounts: total of Account Value",
    ]
    assert found_in(case(), items(cashBalance=1.0)) == ["account 5: Loan Balance"]
    assert found_in(case(assets=[]), items()) == ["account 5: only eMoney has it", "accounts: total of Account Value"]


def test_another_spouse_and_a_missing_license_explain_what_differs() -> None:
    other = {**SPOUSE, "firstName": "Ida"}
    assert found_in(case(assets=[]), items(), "HH-ROLE-RELATION", spouse=other) == []
    assert found_in(case(), {}, "LIC-EMONEY-INVESTMENTS") == []
    assert found_in(case(), items(holdingsValue=1.0), "HH-ROLE-RELATION") == ["account 5: Account Value"]
    assert Difference("client", "Birth Date") in differences(
        case(clientA={**CLIENT, "birthDate": None}), at_emoney(CLIENT), None, None, ["HH-ROLE-RELATION"]
    )


def send(office: Office, unit_key: str, outcomes: tuple[str, str], case_sent: Any, client: Any) -> None:
    """The unit is linked at both vendors, which have these."""
    ledger = office.ledger
    for vendor, outcome in zip(("profiles", "emoney"), outcomes, strict=True):
        made = links.Link(unit_key, f"{vendor}-{unit_key}", f"case-{unit_key}", None, None, None, "test")
        ledger.commit(links.linked(ledger, vendor, made))
        ledger.save(unit_state, [{"vendor": vendor, "unit_key": unit_key, "digest": 1, "outcome": outcome}])
    ledger.commit(
        links.base_written(ledger, f"case-{unit_key}", case_sent, "run-1"),
        links.sent_now(ledger, "emoney", unit_key, "client", "0" * 64, at_emoney(client), DAY, "run-1"),
        links.sent_now(ledger, "emoney", unit_key, "spouse", "0" * 64, at_emoney(SPOUSE), DAY, "run-1"),
        links.sent_now(ledger, "emoney", unit_key, "items", "0" * 64, items(), DAY, "run-1"),
    )


def two_nights(office: Office) -> None:
    nights = Nights(office.ledger)
    nights.run(found("H1", "HH-ROLE-RELATION", "household:1"), found("H2"), labels=LABELS)
    kept = found("H3", "PROFILES-KEPT", "household:3", vendor="profiles", severity="info", field="clientA.birthDate")
    nights.run(
        found("H1", "HH-ROLE-RELATION", "household:1"), found("H2"), kept, units=("H1", "H2", "H3"), labels=HARBOR
    )
    send(office, "H1", ("updated", "unchanged"), case(), {**CLIENT, "firstName": "Other"})  # both are up to date
    send(office, "H2", ("held", "updated"), case(), {**CLIENT, "birthDate": "1969-01-01"})
    send(office, "H3", ("updated", "updated"), case(), CLIENT)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, two_nights)
    yield office
    office.ledger.engine.dispose()


def test_families_stand_with_the_field_to_mend_and_units_with_what_differs(told: Office) -> None:
    page = told.visitor("admin", is_admin=True).read("/differences")
    assert "Role against relation: 1" in page.words
    assert "Nightingale H1" in page.words
    assert "Castellan H2 Office 2 Client: Birth Date — Held Updated" in page.words
    assert "H3 Office 3 — clientA.birthDate Updated Updated" in page.words
    assert "1969" not in page.words
    assert page.words.count("H1") == 1


def test_a_user_sees_the_differences_of_their_offices_alone(told: Office) -> None:
    chen = told.visitor("lakeside.chen")
    assert "Castellan" in chen.read("/differences").words
    assert "Nightingale" not in chen.read("/differences").words
    assert chen.get("/differences", office="3").status_code == 404
    assert chen.get("/differences", page="x").status_code == 404
    assert HOSTILE not in told.visitor("harbor.reed").get("/differences").text


def test_an_office_without_differences_says_so(office: Office) -> None:
    page = office.visitor("main.morgan").read("/differences")
    assert "Role and relation name the same spouse everywhere." in page.words
    assert "Nothing differs." in page.words


def test_the_rules_that_explain_a_difference_are_in_the_table() -> None:
    assert {KEPT, *OF_ACCOUNTS, *OF_THE_SPOUSE} <= RULES.keys()
