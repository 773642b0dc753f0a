"""Links (which vendor record belongs to which unit), what was last sent to it, and the merge bases of cases."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from dataclasses import field as value_field
from datetime import date
from types import MappingProxyType
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.errors import VENDOR_NAMES, LockLost
from etl.frames import are_among
from etl.load.bulk import text_list
from etl.load.ledger.intents import OPEN
from etl.load.ledger.store import Ledger, columns, matching, pack
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import (
    case_base,
    delivery,
    former_link,
    link,
    other_case,
    pin,
    sent,
)
from etl.load.ledger.writer import Write, change, put, remove
from etl.units import CONTACT, UnitKey, are_households, contact_keys

# The parts of a unit that are sent by calls, each with a base here; the first has the hash of them all.
PARTS = {"profiles": ("case",), "emoney": ("client", "spouse")}
# What goes with a link under another unit's key, beside the open writes.
FOLLOWING = (link, sent, pin)


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

    payload_hash: str
    packed: bytes | None = value_field(repr=False)
    as_of: date

    @property
    def base(self) -> Any:
        """The values; None where nobody knows them."""
        return unpack(self.packed)


def read_links(ledger: Ledger, vendor: str, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """Links of these units, or of all: unit_key, vendor_client_id, connection_id, client/spouse_contact_id."""
    names = ("unit_key", "vendor_client_id", "connection_id", "client_contact_id", "spouse_contact_id")
    statement = sa.select(*(link.c[name] for name in names)).where(link.c.vendor == vendor)
    return ledger.frame(_narrowed(ledger, statement, link, unit_keys))


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
    return ledger.frame(sa.select(link.c.unit_key, column).where(*mine))


def read_links_of(
    ledger: Ledger,
    vendor: str,
    units: pd.DataFrame,
    *,
    of_these_alone: bool = False,
    taken_over: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """All links, or those of these units; that of a lone client who became head of a household stands under its key.

    ``units``: unit_key, client_contact_id; ``taken_over``: unit that goes on with another unit's link -> that unit.
    """
    keys = None
    if of_these_alone:
        keys = [*units["unit_key"], *contact_keys(units["client_contact_id"].dropna().astype("int64"))]
        keys += taken_over.values()
    names = {known_as: unit_key for unit_key, known_as in taken_over.items()}
    linked = read_links(ledger, vendor, keys)
    if linked.empty:
        return linked
    linked = linked.assign(unit_key=_renamed(linked["unit_key"], names))
    fresh = units[are_households(units["unit_key"]) & ~are_among(units["unit_key"], linked["unit_key"])]
    fresh = fresh.dropna(subset=["client_contact_id"])
    household_of = dict(zip(contact_keys(fresh["client_contact_id"].astype("int64")), fresh["unit_key"], strict=True))
    return linked.assign(unit_key=_renamed(linked["unit_key"], household_of))


def _renamed(keys: pd.Series[str], names: Mapping[str, str]) -> pd.Series[str]:
    return pd.Series([names.get(key, key) for key in keys], keys.index, dtype="str")


def read_sent(ledger: Ledger, vendor: str, part: str, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """unit_key, offered_hash, as_of of one part, of these units or of every unit that was ever sent."""
    statement = sa.select(sent.c.unit_key, sent.c.offered_hash, sent.c.as_of)
    return ledger.frame(_narrowed(ledger, statement.where(*matching(sent, vendor=vendor, part=part)), sent, unit_keys))


def read_standings(ledger: Ledger, vendor: str, unit_keys: Sequence[str]) -> pd.DataFrame:
    """standing, is_whole of these units, in their order.

    ``standing``: a hash of the link and of what was last sent, 0 without a link; ``is_whole``: the vendor lacks nothing
    that a night repeats from here: the case, or the connection and the line of the feed.
    """
    parts = {part: sent.alias(part) for part in (*PARTS[vendor], *(("items",) if vendor == "emoney" else ()))}
    names = ("vendor_client_id", "vendor_case_id", "connection_id", "client_contact_id", "spouse_contact_id")
    marks: list[sa.ColumnElement[str]] = [sa.cast(link.c[name], sa.Text) for name in names]
    # The first 64 bits of a hash tell two of them apart.
    marks += [sa.func.substr(one.c.offered_hash, 1, 16) for one in parts.values()]
    filled: list[sa.ColumnElement[str]] = [sa.func.coalesce(mark, "") for mark in marks]
    text = functools.reduce(lambda one, more: one + "/" + more, filled)
    whole = (link.c.connection_id, parts["items"].c.line) if vendor == "emoney" else (link.c.vendor_case_id,)
    is_whole = sa.and_(*(one.is_not(None) for one in whole))
    statement = sa.select(link.c.unit_key, text.label("standing"), is_whole.label("is_whole")).select_from(link)
    for part, one in parts.items():
        mine = sa.and_(one.c.vendor == link.c.vendor, one.c.unit_key == link.c.unit_key, one.c.part == part)
        statement = statement.outerjoin(one, mine)
    found = ledger.frame(_narrowed(ledger, statement.where(link.c.vendor == vendor), link, unit_keys))
    standing = pd.util.hash_array(found["standing"].to_numpy(dtype=object), categorize=False).view("int64")
    # Nullable whole numbers: others become fractions where a unit has no link, and lose digits.
    known = pd.DataFrame({"standing": pd.array(standing, dtype="Int64"), "is_whole": found["is_whole"].astype("bool")})
    of_units = known.set_axis(found["unit_key"].to_numpy(dtype=object)).reindex(list(unit_keys))
    return of_units.assign(standing=of_units["standing"].fillna(0), is_whole=of_units["is_whole"].eq(True))


def read_bases(ledger: Ledger, vendor: str, part: str, unit_keys: Iterable[str]) -> dict[str, Any]:
    """unit key -> the values last written of one part; of a case those of the linked case."""
    if part == "case":
        of_link = sa.and_(case_base.c.vendor == link.c.vendor, case_base.c.vendor_case_id == link.c.vendor_case_id)
        bases, table = sa.select(link.c.unit_key, case_base.c.base).join(case_base, of_link), link
    else:
        bases, table = sa.select(sent.c.unit_key, sent.c.base).where(sent.c.part == part), sent
    found = ledger.mapping(_narrowed(ledger, bases.where(table.c.vendor == vendor), table, unit_keys))
    return {key: unpack(base) for key, base in found.items()}


def find_link(ledger: Ledger, vendor: str, unit_key: str) -> Link | None:
    """A unit's link."""
    return find_links(ledger, vendor, [unit_key]).get(unit_key)


def find_links(ledger: Ledger, vendor: str, unit_keys: Iterable[str]) -> dict[str, Link]:
    """unit key -> its link, of those of the units that are linked."""
    statement = sa.select(*columns(Link, link)).where(link.c.vendor == vendor)
    return {one.unit_key: one for one in ledger.read_as(Link, _narrowed(ledger, statement, link, unit_keys))}


def find_sent(ledger: Ledger, vendor: str, unit_key: str) -> dict[str, Sent]:
    """part -> what was last sent of it; of a case the base is that of the linked one."""
    return find_all_sent(ledger, vendor, [unit_key]).get(unit_key, {})


def find_all_sent(ledger: Ledger, vendor: str, unit_keys: Iterable[str]) -> dict[str, dict[str, Sent]]:
    """unit key -> the same, of those of the units of which anything was sent."""
    of_case = sa.select(case_base.c.base).where(
        case_base.c.vendor == link.c.vendor, case_base.c.vendor_case_id == link.c.vendor_case_id,
        link.c.vendor == sent.c.vendor, link.c.unit_key == sent.c.unit_key,
    )  # fmt: skip
    base = sa.case((sent.c.part == "case", of_case.correlate(sent).scalar_subquery()), else_=sent.c.base)
    statement = sa.select(sent.c.unit_key, sent.c.part, sent.c.offered_hash, base.label("base"), sent.c.as_of)
    found: dict[str, dict[str, Sent]] = {}
    for row in ledger.rows(_narrowed(ledger, statement.where(sent.c.vendor == vendor), sent, unit_keys)):
        parts = found.setdefault(row["unit_key"], {})
        parts[row["part"]] = Sent(row["offered_hash"], row["base"], row["as_of"])
    return found


def find_base(ledger: Ledger, case_id: str) -> Any:
    """The values that we last wrote into a case of Profiles; None for a case into which we never wrote."""
    mine = matching(case_base, vendor="profiles", vendor_case_id=case_id)
    return unpack(ledger.first(sa.select(case_base.c.base).where(*mine)))


def base_written(ledger: Ledger, case_id: str, base: Any, run_id: str) -> Write:
    """What was written into a case of Profiles, to be committed."""
    now = ledger.now()
    return put(case_base, vendor="profiles", vendor_case_id=case_id, base=pack(base), run_id=run_id, written_at=now)


def others_linked(ledger: Ledger, vendor: str, unit_key: str, client_ids: Iterable[str]) -> dict[str, str]:
    """vendor record -> the other unit that is linked to it, of those that are: no candidates (MATCH-EXACT).

    Records of dissolved couples stay reserved for their former unit and are never linked again.
    """
    ids = list(client_ids)
    if not ids:
        return {}
    linked, ended = (
        sa.select(table.c.vendor_client_id, table.c.unit_key).where(
            table.c.vendor == vendor, table.c.vendor_client_id.in_(ids)
        )
        for table in (link, former_link)
    )
    return ledger.mapping(ended) | ledger.mapping(linked.where(link.c.unit_key != unit_key))


def unit_linked_to(ledger: Ledger, vendor: str, column: str, vendor_id: str) -> str | None:
    """The unit whose link names this vendor record in ``column`` (``vendor_client_id`` or ``vendor_case_id``)."""
    mine = matching(link, vendor=vendor, **{column: vendor_id})
    key: str | None = ledger.first(sa.select(link.c.unit_key).where(*mine))
    return key


def linked(ledger: Ledger, vendor: str, made: Link) -> Write:
    """A link that is made or changed, to be committed; its connection stays.

    Committing raises `LockLost` where another unit was linked to the vendor's record in the same moment.
    """
    values = asdict(made)
    del values["connection_id"]
    taken = LockLost(
        f"{made.unit_key}: another unit was linked to {VENDOR_NAMES.get(vendor, vendor)}'s record "
        f"{made.vendor_client_id} just now."
    )
    return replace(put(link, vendor=vendor, **values, linked_at=ledger.now()), if_taken=taken)


def link_changed(vendor: str, unit_key: str, **values: Any) -> Write:
    """Other values of a unit's link, if it has one, to be committed."""
    return change(link, {"vendor": vendor, "unit_key": unit_key}, **values)


def sent_now(
    ledger: Ledger, vendor: str, unit_key: str, part: str, payload_hash: str, base: Any, as_of: date, run_id: str
) -> Write:
    """What was sent of a part, to be committed."""
    return put(
        sent, vendor=vendor, part=part, as_of=as_of, run_id=run_id, sent_at=ledger.now(), unit_key=unit_key,
        offered_hash=payload_hash, base=pack(base), line=None,
    )  # fmt: skip


def save_many_sent(
    ledger: Ledger, vendor: str, part: str, rows: Iterable[tuple[str, str, Any]], as_of: date, run_id: str
) -> None:
    """What was sent of a part of many units at once: (unit key, payload hash, base)."""
    with ledger.write() as connection:
        written = (sent_now(ledger, vendor, key, part, hashed, base, as_of, run_id) for key, hashed, base in rows)
        ledger.apply(connection, *written)


def case_switched(ledger: Ledger, link_now: Link, vendor: str, run_id: str) -> tuple[Write, Write]:
    """The unit goes on with another case, to which nothing of the current document has been sent; to be committed."""
    unit_key, case_id = link_now.unit_key, link_now.vendor_case_id
    row = {"vendor": vendor, "unit_key": unit_key, "run_id": run_id, "vendor_case_id": case_id}
    return put(other_case, **row, chosen_at=ledger.now()), sent_forgotten(vendor, unit_key, "case")


def sent_forgotten(vendor: str, unit_key: str, part: str) -> Write:
    """What was sent went to a record that counts no longer, so it is no merge base any more; to be committed."""
    return remove(sent, vendor=vendor, unit_key=unit_key, part=part)


def send_again(vendor: str, unit_key: str, **part: str) -> Write:
    """The next load looks at the unit, or one ``part`` of it, even where its data did not change; to be committed."""
    return change(sent, {"vendor": vendor, "unit_key": unit_key, **part}, offered_hash="")


def completed(vendor: str, unit_key: str, part: str, payload_hash: str) -> Write:
    """All steps of a part are done: the next run need not look at it while the hash is the same; to be committed."""
    return change(sent, {"vendor": vendor, "unit_key": unit_key, "part": part}, offered_hash=payload_hash)


def confirm_unchanged(ledger: Ledger, vendor: str, part: str, unit_keys: Iterable[str], as_of: date) -> None:
    """What was sent still holds at a later date: moves the as-of guard forward, never back."""
    mine = (*matching(sent, vendor=vendor, part=part), sent.c.as_of < as_of)
    theirs = sent.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    ledger.execute(sa.update(sent).where(*mine, theirs).values(as_of=as_of))


def sent_after(ledger: Ledger, vendors: Iterable[str], day: date) -> tuple[int, date | None]:
    """How many units were sent to a vendor as of a later day, and the last such day."""
    later = (sent.c.vendor.in_(list(vendors)), sent.c.as_of > day)
    counted = sa.select(sa.func.count(sent.c.unit_key.distinct()), sa.func.max(sent.c.as_of)).where(*later)
    with ledger.read() as connection:
        count, last = connection.execute(counted).one()
    return count, last


def take_dates_back(ledger: Ledger, vendors: Iterable[str], after: date, to: date) -> None:
    """What was sent as of a day later than ``after`` counts as sent as of ``to``."""
    later = (sent.c.vendor.in_(list(vendors)), sent.c.as_of > after)
    ledger.execute(sa.update(sent).where(*later).values(as_of=to))


def units_sent_by(ledger: Ledger, vendor: str, part: str, run_id: str, unit_keys: Iterable[str]) -> set[str]:
    """Those of the units of which this run sent a part, or read back that it had been sent."""
    mine = sa.select(sent.c.unit_key).where(*matching(sent, vendor=vendor, part=part, run_id=run_id))
    return set(ledger.column(_narrowed(ledger, mine, sent, unit_keys)))


def is_known(ledger: Ledger, vendor: str, unit_key: str) -> bool:
    """Whether a unit is linked, or has a write without an answer that may have made its record."""
    linked, begun = (
        sa.select(table.c.unit_key).where(*matching(table, vendor=vendor, unit_key=unit_key))
        for table in (link, delivery)
    )
    return bool(ledger.first(linked) or ledger.first(begun.where(delivery.c.status.in_(OPEN))))


def relinked(vendor: str, from_unit: str, to_unit: str) -> tuple[Write, ...]:
    """A link and all that follows it stand under another unit's key from now on; to be committed.

    A lone client became head of a household, two contacts were merged, and the like.
    """
    mine = {"vendor": vendor, "unit_key": from_unit}
    moved = [change(table, mine, unit_key=to_unit) for table in FOLLOWING]
    moved += [change(delivery, {**mine, "status": status}, unit_key=to_unit) for status in OPEN]
    return tuple(moved)


def released(ledger: Ledger, vendor: str, ended: Link, run_id: str) -> tuple[Write, ...]:
    """The vendor's record belongs to no unit any more, for good: link and what was sent go; to be committed."""
    row = {"vendor_client_id": ended.vendor_client_id, "vendor_case_id": ended.vendor_case_id, "run_id": run_id}
    mine = {"vendor": vendor, "unit_key": ended.unit_key}
    return put(former_link, **mine, **row, ended_at=ledger.now()), remove(link, **mine), remove(sent, **mine)


def _narrowed(
    ledger: Ledger, statement: sa.Select[Any], table: sa.Table, unit_keys: Iterable[str] | None
) -> sa.Select[Any]:
    """The statement for these units, or for all."""
    return (
        statement if unit_keys is None else statement.where(table.c.unit_key.in_(text_list(ledger.engine, unit_keys)))
    )
