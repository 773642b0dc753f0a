"""Who is who, as people and the CRM have said: contacts told apart, contacts merged (MATCH-TWICE, MATCH-MERGED)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.bulk import id_list, text_list
from etl.load.ledger import life_events
from etl.load.ledger.links import Link, move_unit, save_link
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import (
    contact_merge,
    distinct_people,
    former_link,
    link,
    link_change,
    marital_status,
    open_finding,
    sent,
    unit_state,
)
from etl.units import contact_key

Pair = frozenset[int]

_LINK_VALUES = ("vendor_client_id", "vendor_case_id", "client_contact_id", "spouse_contact_id", "matched_by")


@dataclass(frozen=True)
class Said:
    """Why something is so, by whose word (``by``: in whose name, ``triggered_by``: who acted), in which run."""

    reason: str
    by: str | None
    triggered_by: str | None
    run_id: str


@dataclass(frozen=True)
class Merge:
    """``merged`` is ``contact`` now. ``known_as``: the key under which the vendors go on knowing it, if any."""

    merged: int
    contact: int
    matched_by: str
    known_as: str | None


def told_apart(ledger: Ledger) -> set[Pair]:
    """The pairs of contacts of whom somebody has said that they are two people."""
    rows = ledger.rows(sa.select(distinct_people.c.contact_id, distinct_people.c.other_contact_id))
    return {frozenset((row["contact_id"], row["other_contact_id"])) for row in rows}


def tell_apart(ledger: Ledger, pairs: Iterable[Pair], said: Said) -> None:
    """Keeps that each two are two people; who said so first stays on record."""
    known = told_apart(ledger)
    rows = [
        {
            "contact_id": min(pair), "other_contact_id": max(pair), "reason": said.reason, "decided_by": said.by,
            "triggered_by": said.triggered_by, "decided_at": ledger.now(), "run_id": said.run_id,
        }
        for pair in pairs
        if pair not in known
    ]  # fmt: skip
    with ledger.write() as connection:
        ledger.upsert(connection, distinct_people, rows)


def told_apart_by(ledger: Ledger, run_id: str) -> set[Pair]:
    """The pairs that this run has told apart, in an earlier try."""
    mine = distinct_people.c.run_id == run_id
    rows = ledger.rows(sa.select(distinct_people.c.contact_id, distinct_people.c.other_contact_id).where(mine))
    return {frozenset((row["contact_id"], row["other_contact_id"])) for row in rows}


def links_of_contacts(ledger: Ledger, contact_ids: Iterable[int]) -> pd.DataFrame:
    """The links in which one of these contacts stands, as client or spouse last sent or as the unit itself.

    vendor, unit_key, client_contact_id, spouse_contact_id (Int64), vendor_client_id, vendor_case_id.
    """
    ids = [int(one) for one in contact_ids]
    contacts = id_list(ledger.engine, ids)
    columns = (
        link.c.vendor, link.c.unit_key, link.c.client_contact_id, link.c.spouse_contact_id, link.c.vendor_client_id,
        link.c.vendor_case_id,
    )  # fmt: skip
    theirs = sa.or_(
        link.c.client_contact_id.in_(contacts),
        link.c.spouse_contact_id.in_(contacts),
        link.c.unit_key.in_(text_list(ledger.engine, map(contact_key, ids))),
    )
    found = ledger.frame(sa.select(*columns).where(theirs).order_by(link.c.vendor, link.c.unit_key))
    return found.astype({"unit_key": "str", "client_contact_id": "Int64", "spouse_contact_id": "Int64"})


def merges_followed(ledger: Ledger) -> dict[int, int]:
    """Contact -> the one that it was merged into, of the merges that were followed."""
    rows = ledger.rows(sa.select(contact_merge.c.merged_contact_id, contact_merge.c.contact_id))
    return {row["merged_contact_id"]: row["contact_id"] for row in rows}


def follow_merges(ledger: Ledger, merges: Iterable[Merge], run_id: str) -> None:
    """MATCH-MERGED: the links, and what hangs on them, go with the contacts into which theirs were merged.

    Nothing changes at the vendors: who is known there goes on under the key that is known (`unit_moves.known_names`).
    """
    with ledger.write() as connection:
        for one in merges:
            _follow(ledger, connection, one, run_id)


def withdraw_merges(ledger: Ledger, contact_ids: Iterable[int]) -> None:
    """These contacts are back in SmartOffice: the others go by their own keys again."""
    gone = [int(one) for one in contact_ids]
    if gone:
        with ledger.write() as connection:
            back = contact_merge.c.merged_contact_id.in_(id_list(connection, gone))
            connection.execute(sa.delete(contact_merge).where(back))


def unlink(ledger: Ledger, vendor: str, ended: Link, said: Said) -> None:
    """Ends a link by hand: nothing goes to the record any more, and no search adopts it. Its history stays."""
    with ledger.write() as connection:
        row = connection.execute(sa.select(link).where(*_of(vendor, ended.unit_key))).mappings().one()
        life_events.end_link(ledger, connection, vendor, ended, said.run_id)
        note_link_change(ledger, connection, "unlinked", row, ended.unit_key, said)
        stands = (open_finding.c.vendor == vendor, open_finding.c.unit_key == ended.unit_key)
        connection.execute(sa.delete(open_finding).where(*stands, open_finding.c.rule_id == "SCP-GONE"))


def link_by_hand(ledger: Ledger, vendor: str, made: Link, held_by: str | None, said: Said) -> None:
    """Links a unit to a record of the vendor, by hand. ``held_by``: the unit that has it now, and is none any more.

    What was sent to the record goes with it; the next load looks at it, whatever was offered last. Raises `LockLost`
    where another unit was linked to the record in the same moment.
    """
    with ledger.write() as connection:
        if held_by not in (None, made.unit_key):
            move_unit(connection, vendor, str(held_by), made.unit_key)
        former = (former_link.c.vendor == vendor, former_link.c.vendor_client_id == made.vendor_client_id)
        connection.execute(sa.delete(former_link).where(*former))
        values = {name: getattr(made, name) for name in _LINK_VALUES}
        save_link(ledger, connection, vendor, made.unit_key, **values)
        mine = (sent.c.vendor == vendor, sent.c.unit_key == made.unit_key)
        connection.execute(sa.update(sent).where(*mine).values(offered_hash=""))
        row = connection.execute(sa.select(link).where(*_of(vendor, made.unit_key))).mappings().one()
        note_link_change(ledger, connection, "linked", row, made.unit_key, said)


def unlinked(ledger: Ledger, vendor: str) -> dict[str, str]:
    """Unit -> the record that was its own, of the units whose link somebody has ended, and nobody made anew."""
    newest = sa.select(sa.func.max(link_change.c.link_change_id)).where(link_change.c.vendor == vendor)
    newest = newest.group_by(link_change.c.unit_key)
    linked = sa.select(link.c.unit_key).where(link.c.vendor == vendor)
    statement = sa.select(link_change.c.unit_key, link_change.c.vendor_client_id).where(
        link_change.c.link_change_id.in_(newest),
        link_change.c.change == "unlinked",
        link_change.c.unit_key.not_in(linked),
    )
    return {row["unit_key"]: row["vendor_client_id"] for row in ledger.rows(statement)}


def has_changed_link(ledger: Ledger, vendor: str, run_id: str) -> bool:
    """Whether this run has ended or made a link, in an earlier try."""
    mine = (link_change.c.vendor == vendor, link_change.c.run_id == run_id, link_change.c.change != "merged")
    return bool(ledger.rows(sa.select(link_change.c.link_change_id).where(*mine).limit(1)))


def note_link_change(
    ledger: Ledger, connection: Connection, change: str, of: sa.RowMapping, unit_key: str, said: Said
) -> None:
    """Keeps in the history of links what became of one, within a transaction; ``of``: the link's row."""
    row = {
        "vendor": of["vendor"], "unit_key": unit_key, "change": change, "vendor_client_id": of["vendor_client_id"],
        "vendor_case_id": of["vendor_case_id"], "reason": said.reason, "changed_by": said.by,
        "triggered_by": said.triggered_by, "changed_at": ledger.now(), "run_id": said.run_id,
    }  # fmt: skip
    connection.execute(sa.insert(link_change).values(**row))


def _of(vendor: str, unit_key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return link.c.vendor == vendor, link.c.unit_key == unit_key


def _follow(ledger: Ledger, connection: Connection, one: Merge, run_id: str) -> None:
    single, becomes = contact_key(one.merged), contact_key(one.contact)
    has_own = {row.vendor for row in connection.execute(sa.select(link.c.vendor).where(link.c.unit_key == becomes))}
    stands = sa.or_(
        link.c.client_contact_id == one.merged, link.c.spouse_contact_id == one.merged, link.c.unit_key == single
    )
    said = Said(
        f"MATCH-MERGED: contact {one.merged} was merged into {one.contact} ({one.matched_by})", None, None, run_id
    )
    for row in connection.execute(sa.select(link).where(stands)).mappings().all():
        vendor, key = row["vendor"], row["unit_key"]
        if key == single and vendor in has_own:
            continue  # the record of the other stays the other's; this one is left (SCP-GONE)
        if key == single:
            move_unit(connection, vendor, single, becomes)
            key = becomes
        for column in (link.c.client_contact_id, link.c.spouse_contact_id):
            mine = (link.c.vendor == vendor, link.c.unit_key == key, column == one.merged)
            connection.execute(sa.update(link).where(*mine).values({column.name: one.contact}))
        note_link_change(ledger, connection, "merged", row, key, said)
    married = sa.select(marital_status.c.contact_id).where(marital_status.c.contact_id == one.contact)
    if not connection.execute(married).first():
        was = marital_status.c.contact_id == one.merged
        connection.execute(sa.update(marital_status).where(was).values(contact_id=one.contact))
    for forgotten in (unit_state, open_finding):
        connection.execute(sa.delete(forgotten).where(forgotten.c.unit_key == single))
    known = {
        "merged_contact_id": one.merged, "contact_id": one.contact, "matched_by": one.matched_by,
        "known_as": one.known_as, "followed_at": ledger.now(), "run_id": run_id,
    }  # fmt: skip
    ledger.upsert(connection, contact_merge, [known])
