"""EMY-OWNER: a client at eMoney is its advisor's, by the table of users, and stays so until the CRM says otherwise."""

from __future__ import annotations

from typing import Any

from tests.run_book import Book, Ran

DAYS = ("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26")


def owner(book: Book) -> Any:
    [client] = book.vendors.clients().values()
    return client["client"]["ownerId"]


def table(book: Book, *rows: str) -> None:
    path = book.folder / "users.csv"
    path.write_text("\n".join(["vendor,crm_user,vendor_user", *rows]))
    book.set("vendors", users_file=path)


def night(book: Book, day: str) -> Ran:
    return book.run(day, vendors=("emoney",))


def assign(book: Book, user_id: int | None) -> None:
    book.crm.later(hours=1)
    book.crm.update("contact", {"contact_id": 101}, assigned_user_id=user_id)


def test_the_owner_is_the_assigned_user_and_follows_the_assignment(book: Book) -> None:
    book.couple(1)
    book.crm.insert("crm_user", user_id=2, user_name="amy", status="Enabled")
    for right in ("eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator", "Investment Tracking"):
        book.crm.insert("user_right", user_id=2, right_name=right)
    table(book, "emoney,service,u-1", "emoney,amy,u-2")
    assert night(book, DAYS[0]).outcomes("emoney") == {"H1": "created"}
    assert owner(book) == "u-1"
    assign(book, 2)
    assert night(book, DAYS[1]).outcomes("emoney") == {"H1": "updated"}
    assert owner(book) == "u-2"
    # Nobody at eMoney is known for the assigned user: the client stays whose it is.
    table(book, "emoney,service,u-1")
    missed = night(book, DAYS[2])
    assert owner(book) == "u-2"
    assert ("H1", "EMY-OWNER") in missed.findings("emoney")
    # A row that is added is followed by the next night, whatever else has changed.
    table(book, "emoney,service,u-1", "emoney,amy,u-3")
    added = night(book, DAYS[3])
    assert owner(book) == "u-3"
    assert [row["status"] for row in added.rows("finding_v", rule_id="EMY-OWNER")] == ["mended"]


def test_a_user_who_is_missing_from_the_table_is_a_warning_with_the_name(book: Book) -> None:
    book.couple(1)
    table(book, "emoney,amy,u-2")
    ran = night(book, DAYS[0])
    assert ran.outcomes("emoney") == {"H1": "created"}
    assert owner(book) is None
    [found] = ran.rows("finding_v", rule_id="EMY-OWNER")
    assert (found["severity"], found["entity"], found["entity_id"]) == ("warning", "household", "1")
    assert found["message"].startswith("The client gets no owner at eMoney: service, to whom it is assigned,")


def test_a_client_without_an_assigned_user_has_no_owner_and_no_warning(book: Book) -> None:
    book.couple(1, assigned_user_id=None)
    table(book, "emoney,service,u-1")
    ran = night(book, DAYS[0])
    assert owner(book) is None
    assert ran.rows("finding_v", rule_id="EMY-OWNER") == []


def test_a_table_with_a_mistake_stops_the_run_before_anything_is_read(book: Book) -> None:
    book.couple(1)
    table(book, "emoney,amy")
    assert "row 2: it has 2 cells, not 3" in str(night(book, DAYS[0]).stopped)
    assert book.vendors.calls() == {}
