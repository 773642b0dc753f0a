"""LIC-EMONEY-POLICIES, LIC-EMONEY-INVESTMENTS: what is withheld for want of a license is reported as what it is."""

from typing import Any

import pytest

from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import LICENSES, Book, Ran

NEXT, THIRD = "2026-11-23", "2026-11-24"
BOTH_POLICY_RIGHTS = "Policy Tracking, Pending Case & Policy Setup Administrator"
POLICIES = ("LIC-EMONEY-POLICIES", "warning", BOTH_POLICY_RIGHTS)
INVESTMENTS = ("LIC-EMONEY-INVESTMENTS", "warning", "Investment Tracking")


def licensed(book: Book, *without: str, user_id: int = 2, user_name: str = "amy") -> None:
    """A user with all licenses but these."""
    book.crm.insert("crm_user", user_id=user_id, user_name=user_name, status="Enabled")
    for right in LICENSES:
        if right not in without:
            book.crm.insert("user_right", user_id=user_id, right_name=right)


def withdraw(book: Book, *rights: str) -> None:
    """The service user, to whom H1 is assigned, loses these."""
    for right in rights:
        book.crm.delete("user_right", user_id=1, right_name=right)


def found(ran: Ran) -> set[tuple[str, str, str]]:
    """(rule, severity, what the remedy tells to select) of the licenses."""
    rows = [row for row in ran.rows("finding_v", vendor="emoney") if row["rule_id"].startswith("LIC-")]
    return {(row["rule_id"], row["severity"], row["remedy"].partition("select ")[2].rstrip(".")) for row in rows}


def rules(ran: Ran) -> set[str]:
    return {rule_id for _, rule_id in ran.findings("emoney")}


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (LICENSES[2:], {POLICIES, INVESTMENTS}),
        (("Policy Tracking",), {(*POLICIES[:2], "Policy Tracking")}),
    ],
)
def test_by_hand_and_by_night_the_finding_names_the_right_and_the_user(
    book: Book, without: tuple[str, ...], expected: set[Any]
) -> None:
    licensed(book, *without)
    book.couple(1, assigned_user_id=2)
    for ran in (book.run(vendors=("emoney",)), run_by_hand(book, 1, vendor="emoney", user_name="amy")):
        assert ran.outcomes("emoney")["H1"] in ("created", "unchanged")
        assert found(ran) == expected
        rows = [row for row in ran.rows("finding_v") if row["rule_id"].startswith("LIC-")]
        assert all(row["remedy"].startswith("User Accounts › amy › Licenses: select ") for row in rows)
        assert all("1 policy; amy lacks" in row["message"] or "1 account; amy lacks" in row["message"] for row in rows)


def test_only_a_unit_from_which_something_is_withheld_is_named(book: Book) -> None:
    licensed(book, *LICENSES[2:])
    book.person(7, assigned_user_id=2)
    book.couple(1, assigned_user_id=2)
    book.crm.update("policy", {"policy_id": 1}, status="Lapsed")
    ran = book.run(vendors=("emoney",))
    assert [(row["unit_key"], row["rule_id"]) for row in ran.rows("finding_v") if "LIC" in row["rule_id"]] == [
        ("H1", "LIC-EMONEY-INVESTMENTS")
    ]


def test_a_withdrawn_license_is_no_account_that_left_the_crm(sent: Book) -> None:
    withdraw(sent, "Policy Tracking")
    ran = sent.run(NEXT, vendors=("emoney",))
    assert "EMY-GONE" not in rules(ran)
    assert found(ran) == {(*POLICIES[:2], "Policy Tracking")}
    assert [row["status"] for row in ran.rows("finding_v", rule_id="EMY-NEW")] == ["known", "known"]


def test_by_hand_a_withdrawn_license_is_no_account_that_left_the_crm_either(sent: Book) -> None:
    withdraw(sent, "Policy Tracking", "Investment Tracking")
    ran = run_by_hand(sent, 1, vendor="emoney")
    assert found(ran) == {(*POLICIES[:2], "Policy Tracking"), INVESTMENTS}
    assert "EMY-GONE" not in rules(ran)


def test_a_withheld_record_that_leaves_the_crm_is_reported_as_gone(sent: Book) -> None:
    withdraw(sent, "Policy Tracking")
    sent.run(NEXT, vendors=("emoney",))
    sent.crm.later(days=1)
    sent.crm.update("policy", {"policy_id": 1}, deleted_at=sent.crm.moment)
    sent.crm.update("investment_account", {"account_id": 1}, account_value=5, net_value=5)
    ran = sent.run(THIRD, vendors=("emoney",))
    gone = [(row["entity"], row["entity_id"]) for row in ran.rows("finding_v", rule_id="EMY-GONE")]
    assert gone == [("policy", "1")]
    assert [row["status"] for row in ran.rows("finding_v", rule_id="LIC-EMONEY-POLICIES")] == ["mended"]


def test_a_license_that_is_made_critical_holds_the_household(book: Book, tmp_path: Any) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('LIC-EMONEY-POLICIES = "critical"\n')
    book.set("rules", file=file)
    licensed(book, "Policy Tracking")
    book.couple(1, assigned_user_id=2)
    ran = book.run(vendors=("emoney",))
    assert (ran.outcomes("emoney"), ran.reason("emoney", "H1")) == ({"H1": "held"}, "LIC-EMONEY-POLICIES")
