"""What a waiver lets through at night, what it never lets through, and when the item is open again."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from etl.load.ledger.desk import waivers
from etl.load.ledger.desk.waivers import Scope
from etl.load.ledger.findings import read_findings
from expectations.rules import RULES
from expectations.waivers import NEVER_WAIVED
from tests.run_book import Book, BookSnapshot, Ran, Restore, snapshot

Break = Callable[[Book, int], Any]


def liability(**wrong: Any) -> Break:
    right = {
        "lender": "Bank", "calculate": True, "loan_balance": 1000, "interest_rate": 5, "monthly_payment": 10,
        "balloon_period": 10,
    }  # fmt: skip

    def add(book: Book, number: int) -> None:
        values = {**right, **wrong}
        book.crm.insert("liability", liability_id=number, primary_contact_id=number * 100 + 1, **values)

    return add


def without_spouse_role(book: Book, number: int) -> None:
    book.crm.update("household_member", {"contact_id": number * 100 + 2}, role="Child")


# Each critical rule that can be waived, and a way to break it.
BROKEN: dict[str, Break] = {
    "HH-SPOUSE-ROLE-MISSING": without_spouse_role,
    "HH-SPOUSE-RELATION-MISSING": lambda book, n: book.crm.delete("key_relation", relation_id=n),
    "HH-MARITAL-STATUS": lambda book, n: book.crm.update(
        "contact", {"contact_id": n * 100 + 1}, marital_status=None
    ),
    "LIA-NAME-MISSING": liability(lender=None),
    "LIA-INCOMPLETE": liability(monthly_payment=None),
    "LIA-TERM": liability(
        calculate=False, loan_balance=None, interest_rate=None, monthly_payment=None, balloon_period=None,
        orig_loan_date=date(2020, 1, 1), orig_loan_amount=-5, orig_interest_rate=5, orig_monthly_payment=10,
        orig_balloon_period=10,
    ),
    "POL-NAME-MISSING": lambda book, n: book.crm.update("policy", {"policy_id": n}, product_id=None),
}  # fmt: skip


@snapshot
def held(book: Book) -> None:
    """A household for each critical rule that can be waived, in the order of `BROKEN`, and one without a fault."""
    for number, broken in enumerate(BROKEN.values(), 1):
        book.couple(number)
        broken(book, number)
    book.couple(len(BROKEN) + 1)
    book.run("2026-11-19")


def waive(
    book: Book, *scopes: Scope, by: str | None = "bob", first: str = "2026-11-20", last: str = "2026-11-25"
) -> list[int]:
    ledger, at = book.context().ledger, datetime(2026, 11, 20, 12)
    with ledger.write() as connection:
        days = date.fromisoformat(first), date.fromisoformat(last)
        made = [waivers.ask(connection, scope, "it comes in spring", *days, "ann", at) for scope in scopes]
        for waiver_id in made if by else []:
            waivers.approve(connection, waiver_id, str(by), at)
    return made


def held_by(ran: Ran) -> set[tuple[str, str]]:
    return {(row["unit_key"], row["reason"]) for row in ran.rows("outcome_v", outcome="held")}


def waived(ran: Ran) -> set[tuple[str, str, int]]:
    found = read_findings(ran.context.ledger, ran.context.request.run_id).dropna(subset=["waiver_id"])
    return set(zip(found["unit_key"], found["rule_id"], found["waiver_id"], strict=True))


SCOPES = [Scope(f"H{number}", rule_id) for number, rule_id in enumerate(BROKEN, 1)]


def test_every_critical_rule_can_be_waived_here_or_says_why_not() -> None:
    critical = {rule_id for rule_id, rule in RULES.items() if rule.severity == "critical"}
    assert set(BROKEN) == critical - set(NEVER_WAIVED)


def test_what_is_waived_by_two_goes_to_the_vendor_and_stays_a_finding(held: BookSnapshot, restore: Restore) -> None:
    book = restore(held)
    made = waive(book, *SCOPES)
    ran = book.run("2026-11-20")
    assert ran.stopped is None
    assert held_by(ran) == set()
    outcomes = {vendor: ran.outcomes(vendor) for vendor in ("profiles", "emoney")}
    assert all("created" in {of[scope.unit_key] for of in outcomes.values()} for scope in SCOPES)
    assert waived(ran) == {(scope.unit_key, scope.rule_id, one) for scope, one in zip(SCOPES, made, strict=True)}
    critical = {(row["unit_key"], row["rule_id"]) for row in ran.rows("finding_v", severity="critical")}
    assert critical == {(scope.unit_key, scope.rule_id) for scope in SCOPES}


def test_unit_is_held_again_on_the_last_day_although_nothing_changed(held: BookSnapshot, restore: Restore) -> None:
    book = restore(held)
    waive(book, *SCOPES)
    book.run("2026-11-20")
    before = book.run("2026-11-24")
    assert held_by(before) == set()
    ran = book.run("2026-11-25")
    assert held_by(ran) == {(scope.unit_key, scope.rule_id) for scope in SCOPES}
    assert waived(ran) == set()


def test_waiver_that_is_ended_by_hand_holds_the_unit_in_the_next_night(held: BookSnapshot, restore: Restore) -> None:
    book = restore(held)
    (first, *_) = waive(book, *SCOPES)
    book.run("2026-11-20")
    ledger = book.context().ledger
    with ledger.write() as connection:
        waivers.end(connection, first, "cy", "not any more", datetime(2026, 11, 21))
    ran = book.run("2026-11-21")
    assert held_by(ran) == {(SCOPES[0].unit_key, SCOPES[0].rule_id)}
    quiet = book.run("2026-11-24")
    assert held_by(quiet) == held_by(ran)


def test_critical_finding_holds_until_a_second_person_has_approved(held: BookSnapshot, restore: Restore) -> None:
    book = restore(held)
    made = waive(book, *SCOPES, by=None)
    assert held_by(book.run("2026-11-20")) == {(scope.unit_key, scope.rule_id) for scope in SCOPES}
    with book.context().ledger.write() as connection:
        for waiver_id in made:
            waivers.approve(connection, waiver_id, "bob", datetime(2026, 11, 21))
    assert held_by(book.run("2026-11-21")) == set()


def test_other_critical_findings_still_hold_the_unit(held: BookSnapshot, restore: Restore) -> None:
    book = restore(held)
    book.crm.update("contact", {"contact_id": 701}, last_name=None)
    waive(book, SCOPES[6])
    ran = book.run("2026-11-20", vendors=("emoney",))
    assert ("H7", "DEM-NAME") in held_by(ran)


def test_run_by_hand_goes_by_the_waiver_too(held: BookSnapshot, restore: Restore) -> None:
    book = restore(held)
    waive(book, SCOPES[3])
    ran = book.run("2026-11-20", unit_keys=("H4",))
    assert ran.outcomes("profiles") == {"H4": "created"}


@pytest.mark.parametrize("rule_id", ["HH-HEAD", "DEM-BIRTH-DATE"])
def test_waiver_of_a_rule_that_protects_identity_lets_nothing_through(
    held: BookSnapshot, restore: Restore, rule_id: str
) -> None:
    book = restore(held)
    if rule_id == "HH-HEAD":
        book.crm.update("household", {"household_id": 8}, head_contact_id=None)
    else:
        book.crm.update("contact", {"contact_id": 801}, birth_date=None)
    waive(book, Scope("H8", rule_id))
    ran = book.run("2026-11-20")
    assert ("H8", rule_id) in held_by(ran)
    assert ran.outcomes("profiles")["H8"] == "held"
