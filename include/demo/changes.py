"""A day's work in the CRM: some households get new prices, a phone, a salary, an address, an account."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from etl.schema import contact, contact_address, contact_phone, household, household_member
from etl.schema import investment_account as account
from etl.schema import investment_position as position
from include.demo.catalog import BROKERAGE, FUNDS
from include.demo.database import connect
from include.demo.dice import Dice
from include.demo.people import phone_number

_BATCH = 500  # households
_CENT = Decimal("0.01")

Changes = dict[tuple[Table, str], list[dict[str, Any]]]  # (table, kind) -> rows of values


def change_office(url: str, percent: float, seed: int, now: datetime) -> list[str]:
    """Change something in that percent of the households (at least one); `modified_at` of what changed becomes `now`.

    Gives the keys of the changed units, sorted by household id. Only records of heads of one household are touched,
    so no other household changes with them. No rule is broken that was not broken before.
    """
    dice = Dice(seed)
    engine = connect(url)
    try:
        with engine.begin() as connection:
            heads = _heads(connection)
            count = min(len(heads), max(1, round(len(heads) * percent / 100)))
            chosen = sorted(dice.sample(heads, count))
            ids = _next_ids(connection)
            for start in range(0, len(chosen), _BATCH):
                _change_batch(connection, dice, chosen[start : start + _BATCH], ids, now)
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


def _next_ids(connection: Connection) -> dict[Table, int]:
    tables = ((account, account.c.account_id), (position, position.c.position_id))
    return {table: (connection.scalar(select(func.max(column))) or 0) + 1 for table, column in tables}


def _change_batch(
    connection: Connection, dice: Dice, heads: Sequence[tuple[int, int, int]], ids: dict[Table, int], now: datetime
) -> None:
    contact_ids = [contact_id for _, contact_id, _ in heads]
    accounts = _rows_by(connection, account, "primary_contact_id", contact_ids)
    account_ids = [row["account_id"] for rows in accounts.values() for row in rows]
    positions = _rows_by(connection, position, "account_id", account_ids)
    phones = _rows_by(connection, contact_phone, "contact_id", contact_ids)
    addresses = _rows_by(connection, contact_address, "contact_id", contact_ids)
    changes: Changes = defaultdict(list)
    for _, contact_id, office_id in heads:
        kind = dice.random()
        priced = [row for row in accounts[contact_id] if _has_prices(row, positions[row["account_id"]])]
        if kind < 0.6 and priced:
            for row in priced:
                _reprice(changes, dice, row, positions[row["account_id"]])
        elif kind < 0.7 and phones[contact_id]:
            phone_id = dice.pick(phones[contact_id])["phone_id"]
            changes[contact_phone, "update"].append({"phone_id": phone_id, "number": phone_number(dice)})
        elif kind < 0.8 and addresses[contact_id]:
            address_id = dice.pick(addresses[contact_id])["address_id"]
            changes[contact_address, "update"].append(
                {"address_id": address_id, "line1": f"{dice.whole(1, 9999)} Elm Way"}
            )
        elif kind < 0.9:
            _open_account(changes, dice, contact_id, office_id, ids)
        else:
            salary = Decimal(dice.whole(30_000_00, 300_000_00)) * _CENT
            changes[contact, "update"].append({"contact_id": contact_id, "annual_salary": salary})
    _write(connection, changes, now)


def _rows_by(connection: Connection, table: Table, column: str, keys: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Rows of a table that are not deleted, by one of their columns, in the order of their ids."""
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    order = next(iter(table.primary_key.columns))
    for part in _parts(keys):
        query = select(table).where(table.c[column].in_(part)).order_by(order)
        if "deleted_at" in table.c:
            query = query.where(table.c.deleted_at.is_(None))
        for row in connection.execute(query).mappings():
            rows[row[column]].append(dict(row))
    return rows


def _parts(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """Key lists short enough for one statement."""
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _has_prices(row: dict[str, Any], positions: list[dict[str, Any]]) -> bool:
    """Whether an account has positions, and sound figures: what is broken stays as it is."""
    figures = [row["account_value"], *(each["market_value"] for each in positions)]
    return bool(positions) and all(figure.is_finite() and figure > 0 for figure in figures)


def _reprice(changes: Changes, dice: Dice, row: dict[str, Any], positions: list[dict[str, Any]]) -> None:
    """New prices for an account's positions, and the account value that follows."""
    value = Decimal(0)
    for each in positions:
        price = (each["price"] * Decimal(dice.whole(960, 1045)) / 1000).quantize(Decimal("0.0001")) + Decimal("0.0001")
        market_value = (each["shares"] * price).quantize(_CENT)
        value += market_value
        new = {"position_id": each["position_id"], "price": price, "market_value": market_value}
        changes[position, "update"].append(new)
    slip = row["account_value"] - (row["loan_balance"] or 0) - (row["net_value"] or 0)
    net_value = None if row["net_value"] is None else value - (row["loan_balance"] or 0) - slip
    changes[account, "update"].append({"account_id": row["account_id"], "account_value": value, "net_value": net_value})


def _open_account(changes: Changes, dice: Dice, contact_id: int, office_id: int, ids: dict[Table, int]) -> None:
    """A new account with one position."""
    symbol, cusip, product_name, price = FUNDS[dice.whole(0, 17)]
    shares = Decimal(dice.whole(10, 900))
    value = (shares * Decimal(str(price))).quantize(_CENT)
    account_id, position_id = ids[account], ids[position]
    ids[account], ids[position] = account_id + 1, position_id + 1
    changes[account, "insert"].append(
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
    changes[position, "insert"].append(
        {
            "position_id": position_id,
            "account_id": account_id,
            "symbol": symbol,
            "cusip": cusip,
            "product_name": product_name,
            "shares": shares,
            "price": Decimal(str(price)),
            "market_value": value,
        }
    )


def _write(connection: Connection, changes: Changes, now: datetime) -> None:
    """Write updates and insertions in bulk, accounts before their positions."""
    for (table, kind), rows in sorted(changes.items(), key=lambda item: (item[0][1], item[0][0] is position)):
        stamped = [{**row, "modified_at": now} for row in rows]
        if kind == "insert":
            connection.execute(insert(table), stamped)
            continue
        key = next(iter(table.primary_key.columns))
        renamed = [{"the_key" if name == key.name else name: value for name, value in row.items()} for row in stamped]
        changed: dict[str, Any] = {name: bindparam(name) for name in stamped[0] if name != key.name}
        connection.execute(update(table).where(key == bindparam("the_key")).values(changed), renamed)
