"""Groups go to another office: whole, once, and exactly as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.transfer.books import TARGET, TwoOffices
from tests.pipelines.transfer.moving import TransferDesk, make_desk

# What is moved once for several of them is moved by one worker.
pytestmark = pytest.mark.xdist_group("moves")

PAIRS = [
    "one sqlite",
    "sqlite to sqlite",
    pytest.param("one postgres", marks=pytest.mark.postgres),
    pytest.param("postgres to postgres", marks=[pytest.mark.postgres, pytest.mark.slow]),
    pytest.param("sqlite to postgres", marks=[pytest.mark.postgres, pytest.mark.slow]),
    pytest.param("postgres to sqlite", marks=[pytest.mark.postgres, pytest.mark.slow]),
]


def places(pair: str, folder: Path, postgres_url: Callable[[], str]) -> tuple[str, str | None]:
    def place(kind: str, name: str) -> str:
        return postgres_url() if kind == "postgres" else f"sqlite:///{folder / name}"

    if pair.startswith("one "):
        return place(pair.removeprefix("one "), "crm.db"), None
    source, _, target = pair.partition(" to ")
    return place(source, "crm.db"), place(target, "target.db")


def family(book: TwoOffices) -> tuple[int, int]:
    """A couple with nearly everything on them."""
    ann = book.contact(annual_salary="120000.10", is_deceased=None)
    eve = book.contact(first_name="Eve", last_name="Hárbor \u200b", birth_date="1971-02-28")
    book.relate(ann, eve, relation="Spouse")
    book.home(ann, wife=eve)
    for table in ("contact_address", "contact_phone", "contact_email"):
        book.add(table, contact_id=ann)
    policy = book.policy(ann, product_id=book.product(), owner_contact_id=eve, basic_face_amount="9007199254740.93")
    book.add("policy_beneficiary", policy_id=policy, contact_id=eve)
    account = book.account(eve, account_value="0.10", loan_balance="-0.01")
    book.add("investment_position", account_id=account, shares="3.333333", price="0.000001")
    book.add("liability", primary_contact_id=ann, account_id=account)
    book.add("smartpad_note", contact_id=ann, body='"Called"\n\n, \\N and \t more; \U0001f600')
    book.add("smartpad_note", contact_id=eve, body="")
    book.add("activity", contact_id=eve)
    book.add("letter", contact_id=ann)
    return ann, eve


@dataclass(frozen=True)
class Moved:
    """A family that was moved, and what stood in the source before."""

    desk: TransferDesk
    ann: int
    eve: int
    before: dict[str, list[tuple[Any, ...]]]
    status: str


@pytest.fixture(scope="module", params=PAIRS)
def moved(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: Callable[[], str]
) -> Moved:
    """The family, moved once in each pairing of databases."""
    folder = tmp_path_factory.mktemp("offices")
    book = TwoOffices()
    ann, eve = family(book)
    source, target = places(request.param, folder, postgres_url)
    desk = make_desk(folder, book, source, target, TwoOffices() if target else None)
    before = {table: carried(desk.source.rows(table), table) for table in CARRIED}
    return Moved(desk, ann, eve, before, desk.transfer("t1", [ann, eve]).status)


CARRIED = {
    "contact": ["first_name", "last_name", "birth_date", "annual_salary", "is_deceased", "tax_id"],
    "policy": ["policy_number", "annual_premium", "basic_face_amount", "status"],
    "investment_account": ["account_value", "loan_balance"],
    "investment_position": ["shares", "price", "market_value"],
    "smartpad_note": ["written_at", "category", "body"],
    "liability": ["interest_rate", "lender"],
}


def carried(rows: list[dict[str, Any]], table: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in CARRIED[table]) for row in rows]


def test_everything_arrives_exactly_as_it_was_and_the_source_is_retired(moved: Moved) -> None:
    desk, ann, eve = moved.desk, moved.ann, moved.eve
    assert moved.status == "closed"
    assert desk.groups("t1") == {1: "retired"}, desk.why("t1")
    new = desk.new("t1", "contact", ann), desk.new("t1", "contact", eve)
    for table, values in moved.before.items():
        arrived = desk.target.rows(table)
        if desk.target is desk.source or desk.target.url == desk.source.url:
            arrived = arrived[len(values) :]
        assert carried(arrived, table) == values
    assert desk.source.one("contact", contact_id=ann)["deleted_at"] is not None
    assert desk.source.one("policy", primary_contact_id=ann)["deleted_at"] is not None
    assert desk.source.one("household", household_id=1)["deleted_at"] is not None
    policy = desk.target.one("policy", primary_contact_id=new[0])
    assert (policy["office_id"], policy["owner_contact_id"], policy["deleted_at"]) == (TARGET, new[1], None)
    product = desk.target.one("product", product_id=policy["product_id"])
    assert desk.target.one("carrier", carrier_id=product["carrier_id"])["office_id"] == TARGET
    home = desk.target.one("household", head_contact_id=new[0])
    assert [row["contact_id"] for row in desk.target.rows("household_member", household_id=home["household_id"])] == [
        *new
    ]
    relation = desk.target.one("key_relation", contact_id=new[0])
    assert relation["related_contact_id"] == new[1]


def test_a_second_start_changes_nothing(moved: Moved) -> None:
    desk = moved.desk
    before = desk.source.everything(), desk.target.everything()
    assert desk.move("t1").status == "closed"
    assert (desk.source.everything(), desk.target.everything()) == before
