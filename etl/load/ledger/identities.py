"""Decisions about identity: contacts declared two people, contacts merged, links made or ended by hand.

Rules: MATCH-TWICE, MATCH-MERGED.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.bulk import id_list, text_list
from etl.load.ledger.desk import items
from etl.load.ledger.links import Link, linked, released, relinked, send_again
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import (
    contact_merge,
    distinct_people,
    former_link,
    link,
    link_change,
    marital_status,
    unit_state,
)
from etl.units import contact_key

Pair = frozenset[int]


@dataclass(frozen=True)
class Said:
    """A person's decision: why, in whose name (``by``), who acted (``triggered_by``), and in which run."""

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
    """The pairs of contacts that somebody has declared to be two people."""
    return _pairs(ledger)


def tell_apart(ledger: Ledger, pairs: Iterable[Pair], said: Said) -> None:
    """Records each pair as two people; the first decision on a pair stays."""
    known = told_apart(ledger)
    rows = [
        {
            "contact_id": min(pair), "other_contact_id": max(pair), "reason": said.reason, "decided_by": said.by,
            "triggered_by": said.triggered_by, "decided_at": ledger.now(), "run_id": said.run_id,
        }
        for pair in pairs
        if pair not in known
    ]  # fmt: skip
    ledger.save(distinct_people, rows)


def told_apart_by(ledger: Ledger, run_id: str) -> set[Pair]:
    """The pairs that an earlier try of this run has told apart."""
    return _pairs(ledger, distinct_people.c.run_id == run_id)


def _pairs(ledger: Ledger, *conditions: sa.ColumnElement[bool]) -> set[Pair]:
    pairs = sa.select(distinct_people.c.contact_id, distinct_people.c.other_contact_id).where(*conditions)
    return {frozenset((row["contact_id"], row["other_contact_id"])) for row in ledger.rows(pairs)}


def links_of_contacts(ledger: Ledger, contact_ids: Iterable[int]) -> pd.DataFrame:
    """The links in which one of these contacts stands, as client or spouse last sent or as the unit itself.

    vendor, unit_key, client_contact_id, spouse_contact_id (Int64), vendor_client_id, vendor_case_id.
    """
    ids = [int(one) for one in contact_ids]
    contacts = id_list(ledger.engine, ids)
    names = (
        "vendor", "unit_key", "client_contact_id", "spouse_contact_id", "vendor_client_id", "vendor_case_id",
    )  # fmt: skip
    theirs = sa.or_(
        link.c.client_contact_id.in_(contacts),
        link.c.spouse_contact_id.in_(contacts),
        link.c.unit_key.in_(text_list(ledger.engine, map(contact_key, ids))),
    )
    return ledger.frame(
        sa.select(*(link.c[name] for name in names)).where(theirs).order_by(link.c.vendor, link.c.unit_key)
    )


def merges_followed(ledger: Ledger) -> dict[int, int]:
    """Contact -> the one that it was merged into, of the merges that were followed."""
    return ledger.mapping(sa.select(contact_merge.c.merged_contact_id, contact_merge.c.contact_id))


def follow_merges(ledger: Ledger, merges: Iterable[Merge], run_id: str) -> None:
    """MATCH-MERGED: the links, and what hangs on them, go with the contacts into which theirs were merged.

    Nothing changes at the vendors: a person goes on under the key that is known there (`rekeying.known_names`).
    """
    with ledger.write() as connection:
        for one in merges:
            _follow(ledger, connection, one, run_id)


def withdraw_merges(ledger: Ledger, contact_ids: Iterable[int]) -> None:
    """These contacts are back in SmartOffice: the contacts they were merged into go by their own keys again."""
    back = [int(one) for one in contact_ids]
    if back:
        ledger.execute(
            sa.delete(contact_merge).where(contact_merge.c.merged_contact_id.in_(id_list(ledger.engine, back)))
        )


def unlink(ledger: Ledger, vendor: str, ended: Link, said: Said) -> None:
    """Ends a link by hand: nothing goes to the record any more, and no search adopts it. Its history stays."""
    with ledger.write() as connection:
        ledger.apply(connection, *released(ledger, vendor, ended, said.run_id))
        _note_change(ledger, connection, "unlinked", vendor, ended, said)
        items.withdraw(ledger, connection, [ended.unit_key], said.run_id, vendor=vendor, rule_id="SCP-GONE")


def link_by_hand(ledger: Ledger, vendor: str, made: Link, held_by: str | None, said: Said) -> None:
    """Links a unit to a record of the vendor, by hand. ``held_by``: the former unit to which the record is linked now.

    What was sent to the record goes with it; the next load looks at it even where the data did not change. Raises
    `LockLost` where another unit was linked to the record in the same moment.
    """
    with ledger.write() as connection:
        if held_by not in (None, made.unit_key):
            ledger.apply(connection, *relinked(vendor, str(held_by), made.unit_key))
        former = matching(former_link, vendor=vendor, vendor_client_id=made.vendor_client_id)
        connection.execute(sa.delete(former_link).where(*former))
        ledger.apply(connection, linked(ledger, vendor, made), send_again(vendor, made.unit_key))
        _note_change(ledger, connection, "linked", vendor, made, said)


def unlinked(ledger: Ledger, vendor: str) -> dict[str, str]:
    """Unit -> its former record, of the units whose link somebody has ended and nobody has made anew."""
    newest = sa.select(sa.func.max(link_change.c.link_change_id)).where(link_change.c.vendor == vendor)
    newest = newest.group_by(link_change.c.unit_key)
    linked = sa.select(link.c.unit_key).where(link.c.vendor == vendor)
    statement = sa.select(link_change.c.unit_key, link_change.c.vendor_client_id).where(
        link_change.c.link_change_id.in_(newest),
        link_change.c.change == "unlinked",
        link_change.c.unit_key.not_in(linked),
    )
    return ledger.mapping(statement)


def has_changed_link(ledger: Ledger, vendor: str, run_id: str) -> bool:
    """Whether an earlier try of this run has ended or made a link."""
    mine = (*matching(link_change, vendor=vendor, run_id=run_id), link_change.c.change != "merged")
    return ledger.first(sa.select(link_change.c.link_change_id).where(*mine)) is not None


def _note_change(ledger: Ledger, connection: Connection, change: str, vendor: str, of: Link, said: Said) -> None:
    """Adds a change to the history of links, within a transaction."""
    row = {
        "vendor": vendor, "unit_key": of.unit_key, "change": change, "vendor_client_id": of.vendor_client_id,
        "vendor_case_id": of.vendor_case_id, "reason": said.reason, "changed_by": said.by,
        "triggered_by": said.triggered_by, "changed_at": ledger.now(), "run_id": said.run_id,
    }  # fmt: skip
    connection.execute(sa.insert(link_change).values(**row))


def _follow(ledger: Ledger, connection: Connection, one: Merge, run_id: str) -> None:
    single, becomes = contact_key(one.merged), contact_key(one.contact)
    has_own = set(connection.execute(sa.select(link.c.vendor).where(link.c.unit_key == becomes)).scalars())
    stands = sa.or_(
        link.c.client_contact_id == one.merged, link.c.spouse_contact_id == one.merged, link.c.unit_key == single
    )
    words = f"MATCH-MERGED: contact {one.merged} was merged into {one.contact} ({one.matched_by})"
    said = Said(words, None, None, run_id)
    for found in connection.execute(sa.select(link.c.vendor, *columns(Link, link)).where(stands)).mappings().all():
        vendor, known = found["vendor"], Link(**{name: found[name] for name in Link.__dataclass_fields__})
        if known.unit_key == single and vendor in has_own:
            continue  # the other contact keeps its own record; this record is left (SCP-GONE)
        if known.unit_key == single:
            ledger.apply(connection, *relinked(vendor, single, becomes))
            known = replace(known, unit_key=becomes)
        for name in ("client_contact_id", "spouse_contact_id"):
            mine = matching(link, vendor=vendor, unit_key=known.unit_key, **{name: one.merged})
            connection.execute(sa.update(link).where(*mine).values({name: one.contact}))
        _note_change(ledger, connection, "merged", vendor, known, said)
    was, is_now = (marital_status.c.contact_id == contact for contact in (one.merged, one.contact))
    if not connection.execute(sa.select(marital_status.c.contact_id).where(is_now)).first():
        connection.execute(sa.update(marital_status).where(was).values(contact_id=one.contact))
    connection.execute(sa.delete(unit_state).where(unit_state.c.unit_key == single))
    items.withdraw(ledger, connection, [single], run_id)
    row = {
        "merged_contact_id": one.merged, "contact_id": one.contact, "matched_by": one.matched_by,
        "known_as": one.known_as, "followed_at": ledger.now(), "run_id": run_id,
    }  # fmt: skip
    ledger.upsert(connection, contact_merge, [row])
