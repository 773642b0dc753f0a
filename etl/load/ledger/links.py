"""Links (which vendor record is which unit) and what was last sent to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import VENDOR_NAMES, LockLost
from etl.frames import are_among
from etl.load.bulk import text_list
from etl.load.ledger.intents import OPEN
from etl.load.ledger.store import Ledger, matching, pack, unpack
from etl.load.ledger.tables import case_base, delivery, feed_line, former_link, life_event, link, other_case, pin, sent
from etl.units import CONTACT, UnitKey, are_households, contact_keys


@dataclass(frozen=True)
class Link:
    """The vendor's record of a unit; the contacts are those last sent (LIFE-EVENT)."""

    unit_key: str
    vendor_client_id: str
    vendor_case_id: str | None
    connection_id: str | None
    client_contact_id: int | None
    spouse_contact_id: int | None
    matched_by: str


@dataclass(frozen=True)
class Sent:
    """What was last sent of one part: the payload's hash, the values we wrote (merge base), as of when."""

    offered_hash: str
    base: Any
    as_of: date


def read_links(ledger: Ledger, vendor: str, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """Links of these units, or of all: unit_key, vendor_client_id, connection_id, client/spouse_contact_id."""
    columns = [link.c.unit_key, link.c.vendor_client_id, link.c.connection_id]
    columns += [link.c.client_contact_id, link.c.spouse_contact_id]
    linked = _read(ledger, sa.select(*columns).where(link.c.vendor == vendor), link.c.unit_key, unit_keys)
    return linked.astype({"client_contact_id": "Int64", "spouse_contact_id": "Int64"})


def contacts_linked(ledger: Ledger, vendors: Iterable[str]) -> list[int]:
    """The contacts who are linked as units of their own (``C7``)."""
    mine = (link.c.vendor.in_(list(vendors)), link.c.unit_key.like(f"{CONTACT}%"))
    keys = ledger.column(sa.select(link.c.unit_key).where(*mine).distinct())
    return [UnitKey.parse(key).number for key in keys]


def read_links_by_person(ledger: Ledger, vendor: str, person: str, contact_ids: Iterable[int]) -> pd.DataFrame:
    """unit_key and ``person`` of the links in which one of these few contacts was last sent as that.

    ``person``: ``client_contact_id`` or ``spouse_contact_id``.
    """
    column = link.c[person]
    mine = (link.c.vendor == vendor, column.in_([int(one) for one in contact_ids]))
    found = ledger.frame(sa.select(link.c.unit_key, column).where(*mine))
    return found.astype({"unit_key": "str", person: "Int64"})


def read_links_of(
    ledger: Ledger,
    vendor: str,
    units: pd.DataFrame,
    *,
    of_these_alone: bool = False,
    taken_over: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """All links, or those of these units; that of a lone client who became head of a household stands under its key.

    ``units``: unit_key, client_contact_id; ``taken_over``: of units that go on with another unit's link, that unit.
    """
    keys = None
    if of_these_alone:
        keys = [*units["unit_key"], *contact_keys(units["client_contact_id"].dropna().astype("int64"))]
        keys += taken_over.values()
    names = {known_as: unit_key for unit_key, known_as in taken_over.items()}
    linked = read_links(ledger, vendor, keys)
    linked = linked.assign(unit_key=[names.get(key, key) for key in linked["unit_key"]])
    fresh = units[are_households(units["unit_key"]) & ~are_among(units["unit_key"], linked["unit_key"])]
    fresh = fresh.dropna(subset=["client_contact_id"])
    household_of = dict(zip(contact_keys(fresh["client_contact_id"].astype("int64")), fresh["unit_key"], strict=True))
    return linked.assign(unit_key=[household_of.get(key, key) for key in linked["unit_key"]])


def read_sent(ledger: Ledger, vendor: str, part: str, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """unit_key, offered_hash, as_of of one part, of these units or of every unit that was ever sent."""
    columns = [sent.c.unit_key, sent.c.offered_hash, sent.c.as_of]
    statement = sa.select(*columns).where(sent.c.vendor == vendor, sent.c.part == part)
    return _read(ledger, statement, sent.c.unit_key, unit_keys)


def read_bases(ledger: Ledger, vendor: str, part: str, unit_keys: Iterable[str]) -> dict[str, Any]:
    """unit key -> the values last written of one part; of a case those of the case that is linked."""
    if part == "case":
        of_link = sa.and_(case_base.c.vendor == link.c.vendor, case_base.c.vendor_case_id == link.c.vendor_case_id)
        bases, of_unit = sa.select(link.c.unit_key, case_base.c.base).join(case_base, of_link), link.c
    else:
        bases, of_unit = sa.select(sent.c.unit_key, sent.c.base).where(sent.c.part == part), sent.c
    mine = (of_unit.vendor == vendor, of_unit.unit_key.in_(text_list(ledger.engine, unit_keys)))
    return {row["unit_key"]: unpack(row["base"]) for row in ledger.rows(bases.where(*mine))}


def find_link(ledger: Ledger, vendor: str, unit_key: str) -> Link | None:
    """A unit's link."""
    rows = ledger.rows(sa.select(link).where(link.c.vendor == vendor, link.c.unit_key == unit_key))
    if not rows:
        return None
    return Link(**{name: rows[0][name] for name in Link.__dataclass_fields__})


def find_sent(ledger: Ledger, vendor: str, unit_key: str) -> dict[str, Sent]:
    """part -> what was last sent of it; of a case the base is that of the linked one."""
    of_case = sa.select(case_base.c.base).where(
        case_base.c.vendor == link.c.vendor, case_base.c.vendor_case_id == link.c.vendor_case_id,
        link.c.vendor == sent.c.vendor, link.c.unit_key == sent.c.unit_key,
    )  # fmt: skip
    base = sa.case((sent.c.part == "case", of_case.correlate(sent).scalar_subquery()), else_=sent.c.base)
    columns = (sent.c.part, sent.c.offered_hash, base.label("base"), sent.c.as_of)
    rows = ledger.rows(sa.select(*columns).where(sent.c.vendor == vendor, sent.c.unit_key == unit_key))
    return {row["part"]: Sent(row["offered_hash"], unpack(row["base"]), row["as_of"]) for row in rows}


def linked_to_others(ledger: Ledger, vendor: str, unit_key: str, client_ids: Iterable[str]) -> set[str]:
    """Those of the vendor records that are linked to another unit: no candidates (MATCH-EXACT)."""
    return set(others_linked(ledger, vendor, unit_key, client_ids))


def others_linked(ledger: Ledger, vendor: str, unit_key: str, client_ids: Iterable[str]) -> dict[str, str]:
    """vendor record -> the other unit that is linked to it, of those of the records that are.

    The record of a couple that is none any more belongs to the unit whose it was, which is never linked to it again.
    """
    ids = list(client_ids)
    former = former_link.c
    linked = sa.select(link.c.vendor_client_id, link.c.unit_key).where(
        link.c.vendor == vendor, link.c.unit_key != unit_key, link.c.vendor_client_id.in_(ids)
    )
    ended = sa.select(former.vendor_client_id, former.unit_key).where(
        former.vendor == vendor, former.vendor_client_id.in_(ids)
    )
    return {row["vendor_client_id"]: row["unit_key"] for row in (*ledger.rows(ended), *ledger.rows(linked))}


def unit_linked_to(ledger: Ledger, vendor: str, column: str, vendor_id: str) -> str | None:
    """The unit whose link names this vendor record in ``column`` (``vendor_client_id`` or ``vendor_case_id``)."""
    rows = ledger.rows(sa.select(link.c.unit_key).where(link.c.vendor == vendor, link.c[column] == vendor_id))
    return rows[0]["unit_key"] if rows else None


def save_link(ledger: Ledger, connection: Connection, vendor: str, unit_key: str, **values: Any) -> None:
    """Makes or changes a unit's link within a transaction; a new one gets its time.

    Raises `LockLost` where another unit was linked to the vendor's record in the same moment.
    """
    row = {"vendor": vendor, "unit_key": unit_key, **values}
    if "vendor_client_id" in values:
        try:
            ledger.upsert(connection, link, [{**row, "linked_at": ledger.now()}])
        except sa.exc.IntegrityError:
            taken = True
        else:
            taken = False
        if taken:
            raise LockLost(
                f"{unit_key}: another unit was linked to {VENDOR_NAMES.get(vendor, vendor)}'s record "
                f"{values['vendor_client_id']} just now."
            )
    else:
        connection.execute(sa.update(link).where(link.c.vendor == vendor, link.c.unit_key == unit_key).values(**values))


def save_sent(
    ledger: Ledger,
    connection: Connection,
    vendor: str,
    unit_key: str,
    part: str,
    offer: str,
    base: Any,
    as_of: date,
    run_id: str,
) -> None:
    """Remembers what was sent of a part, within a transaction."""
    row = {"vendor": vendor, "unit_key": unit_key, "part": part, "offered_hash": offer, "base": pack(base)}
    ledger.upsert(connection, sent, [{**row, "as_of": as_of, "run_id": run_id, "sent_at": ledger.now()}])


def begin_other_case(ledger: Ledger, connection: Connection, link_now: Link, vendor: str, run_id: str) -> None:
    """The unit goes on with another case, to which nothing of what is offered now has been sent."""
    unit_key, case_id = link_now.unit_key, link_now.vendor_case_id
    row = {"vendor": vendor, "unit_key": unit_key, "run_id": run_id, "vendor_case_id": case_id}
    ledger.upsert(connection, other_case, [{**row, "chosen_at": ledger.now()}])
    forget_sent(connection, vendor, unit_key, "case")


def runs_with_another_record(ledger: Ledger, vendor: str, unit_key: str) -> set[str]:
    """The runs in which a life event, or somebody's choice, gave the unit another record of the vendor."""
    return {
        run_id
        for table in (life_event, other_case)
        for run_id in ledger.column(sa.select(table.c.run_id).where(*matching(table, vendor=vendor, unit_key=unit_key)))
    }


def forget_sent(connection: Connection, vendor: str, unit_key: str, part: str) -> None:
    """What was sent went to another record than the one that counts from now on: it is no merge base any more."""
    mine = (sent.c.vendor == vendor, sent.c.unit_key == unit_key, sent.c.part == part)
    connection.execute(sa.delete(sent).where(*mine))


def complete(ledger: Ledger, vendor: str, unit_key: str, part: str, offer: str) -> None:
    """All steps of a part are done: the next run need not look at it while the hash is the same."""
    with ledger.write() as connection:
        connection.execute(
            sa.update(sent)
            .where(sent.c.vendor == vendor, sent.c.unit_key == unit_key, sent.c.part == part)
            .values(offered_hash=offer)
        )


def save_many_sent(
    ledger: Ledger, vendor: str, part: str, rows: Iterable[tuple[str, str, Any]], as_of: date, run_id: str
) -> None:
    """The same for many units at once: (unit key, hash, base)."""
    now = ledger.now()
    with ledger.write() as connection:
        ledger.upsert(
            connection,
            sent,
            (
                {
                    "vendor": vendor, "unit_key": key, "part": part, "offered_hash": offer, "base": pack(base),
                    "as_of": as_of, "run_id": run_id, "sent_at": now,
                }
                for key, offer, base in rows
            ),
        )  # fmt: skip


def confirm_unchanged(ledger: Ledger, vendor: str, part: str, unit_keys: Iterable[str], as_of: date) -> None:
    """What was sent still holds at a later date: moves the as-of guard forward, never back."""
    with ledger.write() as connection:
        connection.execute(
            sa.update(sent)
            .where(sent.c.vendor == vendor, sent.c.part == part, sent.c.as_of < as_of)
            .where(sent.c.unit_key.in_(text_list(connection, unit_keys)))
            .values(as_of=as_of)
        )


def sent_after(ledger: Ledger, vendors: Iterable[str], day: date) -> tuple[int, date | None]:
    """How many units were sent to a vendor as of a later day, and the last such day."""
    later = (sent.c.vendor.in_(list(vendors)), sent.c.as_of > day)
    units = sa.select(sent.c.vendor, sent.c.unit_key, sa.func.max(sent.c.as_of).label("as_of")).where(*later)
    found = ledger.rows(units.group_by(sent.c.vendor, sent.c.unit_key))
    return len({row["unit_key"] for row in found}), max((row["as_of"] for row in found), default=None)


def take_dates_back(ledger: Ledger, vendors: Iterable[str], after: date, to: date) -> None:
    """What was sent as of a day later than ``after`` counts as sent as of ``to``."""
    with ledger.write() as connection:
        later = (sent.c.vendor.in_(list(vendors)), sent.c.as_of > after)
        connection.execute(sa.update(sent).where(*later).values(as_of=to))


def units_sent_by(ledger: Ledger, vendor: str, part: str, run_id: str, unit_keys: Iterable[str]) -> set[str]:
    """Those of the units of which this run sent a part, or read back that it had been sent."""
    mine = sa.select(sent.c.unit_key).where(sent.c.vendor == vendor, sent.c.part == part, sent.c.run_id == run_id)
    return set(_read(ledger, mine, sent.c.unit_key, unit_keys)["unit_key"])


def is_known(ledger: Ledger, vendor: str, unit_key: str) -> bool:
    """Whether a unit is linked, or has a write without an answer that may have made its record."""
    linked = sa.select(link.c.unit_key).where(link.c.vendor == vendor, link.c.unit_key == unit_key)
    begun = sa.select(delivery.c.unit_key).where(
        delivery.c.vendor == vendor, delivery.c.unit_key == unit_key, delivery.c.status.in_(OPEN)
    )
    return bool(ledger.rows(linked) or ledger.rows(begun.limit(1)))


def take_over(ledger: Ledger, vendor: str, from_unit: str, to_unit: str) -> None:
    """The unit takes over another one's link and history: a lone client became head of a household, and the like."""
    with ledger.write() as connection:
        move_unit(connection, vendor, from_unit, to_unit)


def move_unit(connection: Connection, vendor: str, from_unit: str, to_unit: str) -> None:
    """A link and all that hangs on it stand under another unit's key from now on, within a transaction."""
    for table, *conditions in ((link,), (sent,), (delivery, delivery.c.status.in_(OPEN)), (pin,)):
        mine = (table.c.vendor == vendor, table.c.unit_key == from_unit, *conditions)
        connection.execute(sa.update(table).where(*mine).values(unit_key=to_unit))
    if vendor == "emoney":
        connection.execute(sa.update(feed_line).where(feed_line.c.unit_key == from_unit).values(unit_key=to_unit))


def _read(
    ledger: Ledger, statement: sa.Select[Any], key: sa.Column[Any], unit_keys: Iterable[str] | None
) -> pd.DataFrame:
    wanted = statement if unit_keys is None else statement.where(key.in_(text_list(ledger.engine, unit_keys)))
    return ledger.frame(wanted)
