"""Units that get another key by a transfer (XFR-LINKS): their vendor records follow them.

First the move is announced (``pending``): from then on no run writes one of the two units, and the transfer waits for
writes under way. When the rows have moved, links and history follow in one transaction (``done``). Documents then name
records by the keys that the vendors know (`vendor_key`), so that nothing at a vendor looks new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import LockLost, MovedAway, UnitsBusy
from etl.load import bulk
from etl.load.ledger.desk import items
from etl.load.ledger.intents import OPEN
from etl.load.ledger.links import FOLLOWING
from etl.load.ledger.locks import find_held
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import (
    contact_merge,
    delivery,
    household_lock,
    link,
    marital_status,
    transfer_record,
    unit_move,
    unit_state,
    vendor_key,
)

PATIENCE_SECONDS = 120.0

# Records that the vendors' documents name, by the word that stands before their key.
NAMED = {
    "contact": "contact",
    "household": "household",
    "investment_account": "account",
    "investment_position": "position",
    "policy": "policy",
    "liability": "liability",
}


def announce(ledger: Ledger, transfer_id: str, moves: pd.DataFrame) -> None:
    """Announces moves (from_unit, to_unit, group_no), in place of this transfer's earlier ones of the same units."""
    rows = moves.assign(transfer_id=transfer_id, status="pending")
    with ledger.write() as connection:
        _forget(connection, moves["from_unit"], transfer_id)
        bulk.insert(connection, unit_move, rows, skip_known=True)


def withdraw(connection: Connection, transfer_id: str, group_nos: Sequence[int]) -> None:
    """These groups do not move: takes their announcement back, within a transaction."""
    theirs = unit_move.c.group_no.in_(bulk.id_list(connection, group_nos))
    connection.execute(sa.delete(unit_move).where(*_announced(transfer_id), theirs))


def moves_of(ledger: Ledger, unit_keys: Iterable[str]) -> Sequence[sa.RowMapping]:
    """The moves of these units, there and here: rows of `unit_move`."""
    theirs = bulk.text_list(ledger.engine, unit_keys)
    either = sa.or_(unit_move.c.from_unit.in_(theirs), unit_move.c.to_unit.in_(theirs))
    return ledger.rows(sa.select(unit_move).where(either))


def require_at_home(ledger: Ledger, moves: Iterable[sa.RowMapping], unit_key: str, client_contact_id: int) -> None:
    """Raises `LockLost` for a unit that is being moved to another office, `MovedAway` for one that was.

    ``moves``: `moves_of` units of which it is one. A household whose head has moved, and that has another head now, is
    at home.
    """
    for row in moves:
        if unit_key not in (row["from_unit"], row["to_unit"]):
            continue
        if row["status"] == "pending":
            raise LockLost(f"It is being moved to another office just now (transfer {row['transfer_id']}).")
        if row["from_unit"] == unit_key and _has_moved(ledger, row["transfer_id"], client_contact_id):
            raise MovedAway(f"It was moved to another office as {row['to_unit']} (transfer {row['transfer_id']}).")


def units_on_the_move(ledger: Ledger) -> set[str]:
    """The units that are being moved to another office, by their keys there and here."""
    both = sa.select(unit_move.c.from_unit, unit_move.c.to_unit).where(unit_move.c.status == "pending")
    return {key for pair in ledger.mapping(both).items() for key in pair}


def _has_moved(ledger: Ledger, transfer_id: str, contact_id: int) -> bool:
    """Whether a contact went with a transfer, either way: away, or back from it."""
    record = transfer_record.c
    moved = sa.select(record.target_id).where(
        record.transfer_id == transfer_id, record.entity == "contact", record.target_id.is_not(None)
    )
    key = str(contact_id)
    return ledger.first(moved.where(sa.or_(record.entity_id == key, record.target_id == key))) is not None


def units_in_doubt(ledger: Ledger, transfer_id: str) -> dict[int, str]:
    """group -> a unit of it with a write at a vendor that has no answer yet."""
    statement = (
        sa.select(unit_move.c.group_no, unit_move.c.from_unit)
        .join(delivery, delivery.c.unit_key == unit_move.c.from_unit)
        .where(unit_move.c.transfer_id == transfer_id, delivery.c.status.in_(OPEN))
    )
    return ledger.mapping(statement)


def wait_until_free(
    ledger: Ledger, transfer_id: str, sleep: Callable[[float], None] = time.sleep, patience: float = PATIENCE_SECONDS
) -> None:
    """Waits for runs that are writing one of the transfer's units, or a feed. Raises `UnitsBusy` after ``patience``."""
    mine = sa.select(unit_move.c.from_unit).where(unit_move.c.transfer_id == transfer_id)
    concerned = sa.or_(household_lock.c.unit_key.in_(mine), household_lock.c.unit_key.startswith("feed:"))
    waited = 0.0
    while busy := find_held(ledger, concerned):
        if waited >= patience:
            raise UnitsBusy(
                f"A run is writing {', '.join(busy[:5])} at a vendor; the transfer goes on when that run has ended."
            )
        sleep(0.5)
        waited += 0.5


def follow(
    ledger: Ledger, connection: Connection, transfer_id: str, group_nos: Sequence[int], id_map: pd.DataFrame
) -> None:
    """Links, history and names follow the units of these groups, within a transaction.

    ``id_map``: entity, source_id, target_id (text) of everything that moved with them.
    """
    moves = _moves(connection, transfer_id, group_nos, "pending")
    _rekey(ledger, connection, transfer_id, moves)
    _remember_names(ledger, connection, transfer_id, moves, id_map)
    theirs = unit_move.c.from_unit.in_(bulk.text_list(connection, moves["from_unit"]))
    mine = (unit_move.c.transfer_id == transfer_id, theirs)
    connection.execute(sa.update(unit_move).where(*mine).values(status="done"))
    _rename_contacts(connection, moves["to_unit"], id_map)


def announce_rollback(ledger: Ledger, transfer_id: str) -> None:
    """The units of a transfer are about to get their old keys again."""
    with ledger.write() as connection:
        moves = _moves(connection, transfer_id, None, "done")
        # Of two units that became one, the household's link was taken.
        moves = moves.sort_values("from_unit", ascending=False).drop_duplicates("to_unit")
        back = moves.rename(columns={"from_unit": "to_unit", "to_unit": "from_unit"})
        rows = back.assign(transfer_id=transfer_id, status="pending")
        bulk.insert(connection, unit_move, rows[[column.name for column in unit_move.columns]], skip_known=True)


def withdraw_rollback(ledger: Ledger, transfer_id: str) -> None:
    """The units of a transfer keep the keys that they have."""
    ledger.execute(sa.delete(unit_move).where(*_announced(transfer_id)))


def roll_back(ledger: Ledger, connection: Connection, transfer_id: str, id_map: pd.DataFrame) -> None:
    """The reverse of `follow` for a whole transfer; ``id_map``: entity, source_id, target_id, as it was then."""
    moves = _moves(connection, transfer_id, None, "done")
    back = _moves(connection, transfer_id, None, "pending")
    _rekey(ledger, connection, transfer_id, back)
    _forget(connection, moves["from_unit"], transfer_id)
    connection.execute(sa.update(unit_move).where(*_announced(transfer_id)).values(status="done"))
    connection.execute(sa.delete(vendor_key).where(vendor_key.c.transfer_id == transfer_id))
    reverse = id_map.rename(columns={"source_id": "target_id", "target_id": "source_id"})
    _rename_contacts(connection, back["to_unit"], reverse)


def known_names(ledger: Ledger) -> dict[str, str]:
    """CRM key -> the key by which the vendors know the record, where they differ: ``account:905`` -> ``account:5``."""
    with ledger.read() as connection:
        merged = _merged_names(connection)
    return merged | ledger.mapping(sa.select(vendor_key.c.crm_key, vendor_key.c.known_as))


def current_keys(ledger: Ledger, known: Iterable[str]) -> dict[str, str]:
    """The vendors' key -> the CRM's present key, where they differ; of several the last one given."""
    wanted = set(known)
    with ledger.read() as connection:
        statement = sa.select(vendor_key.c.known_as, vendor_key.c.crm_key)
        rows = connection.execute(statement.where(vendor_key.c.known_as.in_(bulk.text_list(connection, wanted))))
        by_age = sorted(rows, key=lambda row: int(row.crm_key.partition(":")[2]))
        merged = {name: key for key, name in _merged_names(connection).items()}
    current = {row.known_as: row.crm_key for row in by_age}
    return current | {name: key for name, key in merged.items() if name in wanted}


def merged_names(ledger: Ledger) -> dict[str, str]:
    """CRM key -> the vendors' key, of contacts into which others were merged (MATCH-MERGED)."""
    with ledger.read() as connection:
        return _merged_names(connection)


def moved_names(ledger: Ledger) -> tuple[int, str | None]:
    """How many records have another key at the vendors since a transfer, and the last transfer of them."""
    with ledger.read() as connection:
        counted = sa.select(sa.func.count(), sa.func.max(vendor_key.c.transfer_id)).select_from(vendor_key)
        count, last = connection.execute(counted).one()
    return count, last


def _merged_names(connection: Connection) -> dict[str, str]:
    """CRM key -> the vendors' key, of contacts into which others were merged (MATCH-MERGED)."""
    merge = contact_merge.c
    rows = connection.execute(sa.select(merge.contact_id, merge.known_as).where(merge.known_as.is_not(None)))
    return {f"contact:{row.contact_id}": row.known_as for row in rows}


def _announced(transfer_id: str) -> list[sa.ColumnElement[bool]]:
    return matching(unit_move, transfer_id=transfer_id, status="pending")


def _moves(connection: Connection, transfer_id: str, group_nos: Sequence[int] | None, status: str) -> pd.DataFrame:
    statement = sa.select(unit_move.c.from_unit, unit_move.c.to_unit, unit_move.c.group_no).where(
        *matching(unit_move, transfer_id=transfer_id, status=status)
    )
    if group_nos is not None:
        statement = statement.where(unit_move.c.group_no.in_(bulk.id_list(connection, group_nos)))
    return _frame(connection, statement.order_by(unit_move.c.from_unit.desc()))


def _frame(connection: Connection, statement: sa.Select[Any]) -> pd.DataFrame:
    rows = connection.execute(statement).fetchall()
    return pd.DataFrame.from_records(rows, columns=list(statement.selected_columns.keys()))


def _rekey(ledger: Ledger, connection: Connection, transfer_id: str, moves: pd.DataFrame) -> None:
    """Gives each vendor's link, and what follows it, to the new unit; states and open findings are forgotten.

    Of two linked units that become one, the household's link is taken; the other link stays.
    """
    keys = bulk.text_list(connection, moves["from_unit"])
    held = _frame(connection, sa.select(link.c.vendor, link.c.unit_key).where(link.c.unit_key.in_(keys)))
    chosen = held.merge(moves, left_on="unit_key", right_on="from_unit")
    chosen = chosen.sort_values("unit_key", ascending=False).drop_duplicates(["vendor", "to_unit"])
    changes = chosen[["vendor", "unit_key", "to_unit"]].rename(columns={"unit_key": "old", "to_unit": "unit_key"})
    for table in FOLLOWING:
        bulk.rename(connection, table, changes, ("vendor", "old"))
    connection.execute(sa.delete(unit_state).where(unit_state.c.unit_key.in_(keys)))
    items.withdraw(ledger, connection, moves["from_unit"], transfer_id)


def _remember_names(
    ledger: Ledger, connection: Connection, transfer_id: str, moves: pd.DataFrame, id_map: pd.DataFrame
) -> None:
    """A record that moved with a linked unit keeps the key that the vendors know."""
    linked = sa.select(link.c.unit_key).where(link.c.unit_key.in_(bulk.text_list(connection, moves["to_unit"])))
    groups = moves.loc[moves["to_unit"].isin(list(connection.execute(linked).scalars())), "group_no"]
    words = id_map["entity"].map(NAMED)
    named = id_map[words.notna() & id_map["group_no"].isin(groups) & id_map["source_id"].notna()]
    old = words[named.index] + ":" + named["source_id"]
    new = words[named.index] + ":" + named["target_id"]
    moved_before = sa.select(vendor_key.c.crm_key, vendor_key.c.known_as).where(
        vendor_key.c.crm_key.in_(bulk.text_list(connection, old))
    )
    before = _merged_names(connection) | dict(connection.execute(moved_before).all())
    rows = pd.DataFrame({"crm_key": new, "known_as": [before.get(key, key) for key in old], "transfer_id": transfer_id})
    bulk.insert(connection, vendor_key, rows, skip_known=True)


def _rename_contacts(connection: Connection, units: pd.Series[str], id_map: pd.DataFrame) -> None:
    """Client and spouse of the units' links, and what eMoney knows of a contact's marriage, under the new keys."""
    contacts = id_map[id_map["entity"] == "contact"]
    new = dict(zip(contacts["source_id"].astype("int64"), contacts["target_id"].astype("int64"), strict=True))
    couple = ("client_contact_id", "spouse_contact_id")
    statement = sa.select(*(link.c[name] for name in ("vendor", "unit_key", *couple)))
    theirs = link.c.unit_key.in_(bulk.text_list(connection, units))
    found = _frame(connection, statement.where(theirs)).astype(dict.fromkeys(couple, "Int64"))
    for name in couple:
        found[name] = pd.array([new.get(key, key) for key in found[name]], dtype="Int64")
    bulk.update(connection, link, found, ("vendor", "unit_key"))
    married = pd.DataFrame({"old": list(new), "contact_id": list(new.values())})
    bulk.rename(connection, marital_status, married, ("old",))


def _forget(connection: Connection, from_units: pd.Series[str], transfer_id: str) -> None:
    theirs = unit_move.c.from_unit.in_(bulk.text_list(connection, from_units))
    connection.execute(sa.delete(unit_move).where(theirs, unit_move.c.transfer_id == transfer_id))
