"""A day's work in the CRM: some households get new prices, a phone, a salary, an address, an account."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from etl.schema import contact, contact_address, contact_phone, household, household_member
from etl.schema import investment_account as account
from etl.schema import investment_position as position
from include.demo.catalog import BROKERAGE, FUNDS
from include.demo.database import connect
from include.demo.draft import Rng, Row
from include.demo.people import phone_number

_BATCH = 500  # households: few enough for all their accounts to be named in one statement
_CENT = Decimal("0.01")

Rows = dict[Table, list[Row]]


def change_office(url: str, percent: float, seed: int, now: datetime) -> list[str]:
    """Change something in that percent of the households (at least one); `modified_at` of what changed becomes `now`.

    Gives the keys of the changed units, sorted by household id. Only records of heads of one household are touched,
    so no other household changes with them. No rule is broken that was not broken before.
    """
    rng = Rng(seed)
    engine = connect(url)
    try:
        with engine.begin() as connection:
            heads = _heads(connection)
            chosen = sorted(rng.sample(heads, min(len(heads), max(1, round(len(heads) * percent / 100)))))
            ids = tuple(
                count((connection.scalar(select(func.max(column))) or 0) + 1)
                for column in (account.c.account_id, position.c.position_id)
            )
            for start in range(0, len(chosen), _BATCH):
                _change_batch(connection, rng, chosen[start : start + _BATCH], ids, now)
    finally:
        engine.dispose()
    return [f"H{household_id}" for household_id, _, _ in chosen]


def _heads(connection: Connection) -> list[tuple[int, int, int]]:
    """Household, head and office ids of every household whose head is a living record in no other household."""
    memberships = (
        select(household_member.c.contact_id)
        .group_by(household_member.c.contact_id)
        .having(func.count() == 1)
        .subquery()
    )
    heads = (
        select(household.c.household_id, contact.c.contact_id, contact.c.office_id)
        .join(contact, contact.c.contact_id == household.c.head_contact_id)
        .join(memberships, memberships.c.contact_id == contact.c.contact_id)
        .where(household.c.deleted_at.is_(None), contact.c.deleted_at.is_(None), contact.c.record_type == "Contact")
        .order_by(household.c.household_id)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(heads)]


def _change_batch(
    connection: Connection, rng: Rng, heads: Sequence[tuple[int, int, int]], ids: tuple[count, ...], now: datetime
) -> None:
    contact_ids = [contact_id for _, contact_id, _ in heads]
    accounts = _rows_by(connection, account, "primary_contact_id", contact_ids)
    account_ids = [row["account_id"] for rows in accounts.values() for row in rows]
    positions = _rows_by(connection, position, "account_id", account_ids)
    phones = _rows_by(connection, contact_phone, "contact_id", contact_ids)
    addresses = _rows_by(connection, contact_address, "contact_id", contact_ids)
    updates: Rows = defaultdict(list)
    inserts: Rows = {account: [], position: []}
    for _, contact_id, office_id in heads:
        kind = rng.random()
        priced = [row for row in accounts[contact_id] if _has_prices(row, positions[row["account_id"]])]
        if kind < 0.6 and priced:
            for row in priced:
                _reprice(updates, rng, row, positions[row["account_id"]])
        elif kind < 0.7 and phones[contact_id]:
            phone = rng.pick(phones[contact_id])
            updates[contact_phone].append({"key": phone["phone_id"], "number": phone_number(rng)})
        elif kind < 0.8 and addresses[contact_id]:
            address = rng.pick(addresses[contact_id])
            updates[contact_address].append({"key": address["address_id"], "line1": f"{rng.whole(1, 9999)} Elm Way"})
        elif kind < 0.9:
            _open_account(inserts, rng, office_id, contact_id, *(next(each) for each in ids))
        else:
            salary = Decimal(rng.whole(30_000_00, 300_000_00)) * _CENT
            updates[contact].append({"key": contact_id, "annual_salary": salary})
    _write(connection, inserts, updates, now)


def _rows_by(connection: Connection, table: Table, column: str, keys: Sequence[int]) -> dict[int, list[Row]]:
    """Rows of a table that are not deleted, by one of their columns, in the order of their ids."""
    query = select(table).where(table.c[column].in_(keys)).order_by(*table.primary_key.columns)
    if "deleted_at" in table.c:
        query = query.where(table.c.deleted_at.is_(None))
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        rows[row[column]].append(dict(row))
    return rows


def _has_prices(row: Row, positions: list[Row]) -> bool:
    """Whether an account has positions, and sound figures: what is broken stays as it is."""
    figures = [row["account_value"], *(each["market_value"] for each in positions)]
    return bool(positions) and all(figure.is_finite() and figure > 0 for figure in figures)


def _reprice(updates: Rows, rng: Rng, row: Row, positions: list[Row]) -> None:
    """New prices for an account's positions, and the account value that follows."""
    value = Decimal(0)
    for each in positions:
        price = (each["price"] * Decimal(rng.whole(960, 1045)) / 1000).quantize(Decimal("0.0001")) + Decimal("0.0001")
        market_value = (each["shares"] * price).quantize(_CENT)
        value += market_value
        updates[position].append({"key": each["position_id"], "price": price, "market_value": market_value})
    net_value = None if row["net_value"] is None else row["net_value"] + value - row["account_value"]
    updates[account].append({"key": row["account_id"], "account_value": value, "net_value": net_value})


def _open_account(inserts: Rows, rng: Rng, office_id: int, contact_id: int, account_id: int, position_id: int) -> None:
    """A new account with one position."""
    fund = FUNDS[rng.whole(0, 17)]
    shares, price = Decimal(rng.whole(10, 900)), Decimal(str(fund.price))
    value = (shares * price).quantize(_CENT)
    inserts[account].append(
        {
            "account_id": account_id,
            "office_id": office_id,
            "primary_contact_id": contact_id,
            "account_name": f"New {BROKERAGE.name}",
            "account_number": f"N{account_id:08d}",
            "account_type": BROKERAGE.account_type,
            "how_held": BROKERAGE.how_held,
            "account_value": value,
            "net_value": value,
        }
    )
    keys = {"position_id": position_id, "account_id": account_id}
    inserts[position].append({**keys, **fund._asdict(), "shares": shares, "price": price, "market_value": value})


def _write(connection: Connection, inserts: Rows, updates: Rows, now: datetime) -> None:
    """Write insertions, accounts before their positions, and updates, in bulk."""
    for table, rows in inserts.items():
        if rows:
            connection.execute(insert(table).values(modified_at=now), rows)
    for table, rows in updates.items():
        columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "key"}
        (key,) = table.primary_key.columns
        statement = update(table).where(key == bindparam("key")).values(**columns, modified_at=now)
        connection.execute(statement, rows)
