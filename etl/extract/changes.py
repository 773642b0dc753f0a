"""What moved since the last finished run (SCP-4), by the source's own ``modified_at`` and by its keys.

The digest of a unit sums over its rows a scramble of key and ``modified_at``: a row that is new, has vanished or bears
another stamp than last time, whichever way it moved and whenever it was committed, makes another digest. So does
another unit that has one of its people as client, or has so no longer. A row that
was written again under the stamp that it had is what the overlap is for: rows stamped shortly before the watermark,
and after it, are looked at again.

A stamp is compared in the source and decides about its own unit alone. The watermark is the highest that is not ahead
of the source's own clock; one that is ahead, or no time at all, is reported (SCP-CLOCK), and its unit looked at every
night. One statement for each table, whose rows are summed as they come: no table is held as a whole.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from etl import schema as s
from etl.extract.cells import columns_as_read, is_alive
from etl.extract.census import Census
from etl.extract.source import Snapshot, id_list

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
# Moments are whole seconds since then, in UTC; that of no stamp at all, and that of the first day of the year 1.
_NEVER = np.iinfo(np.int64).min
_YEAR_ONE = (datetime(1, 1, 1) - _EPOCH) // _SECOND

# Primes below 2 ** 31 and 2 ** 32: the product of two that are less stays within 64 bits.
_SMALL, _LARGE, _FACTOR = 2147483629, 4294967291, 2654435761
# Keeps the seconds of a stamp and their fraction apart.
_APART = 1000003
# So many characters count of a stamp that is no time.
_PLACES = json.dumps(list(range(1, 65)))

# As many characters has a stamp that SQLite's own functions have written: a day, minutes, seconds, a fraction of them.
_STAMP_SIZES = pa.array([10, 16, 19, *range(21, 27)], pa.int32())

Expression = sa.ColumnElement[Any]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


def _literal(value: int | str) -> Expression:
    """Part of the statement's text: drivers give parameters types of their own."""
    return sa.literal_column(f"'{value}'" if isinstance(value, str) else str(value))


@dataclass(frozen=True, eq=False)
class _Tracked:
    """A table whose rows belong to contacts (``by`` contact) or are households: its key and the way to the owner."""

    keys: tuple[sa.Column[Any], ...]
    owner: sa.Column[Any]
    rows: sa.FromClause
    by: str = "contact"
    is_counted: bool = True  # a relation is, at one of its ends

    @property
    def table(self) -> sa.Table:
        table: sa.Table = self.keys[0].table
        return table


def _tracked() -> list[_Tracked]:
    """The ledger keeps the counts of records in this order: another order makes it forget them."""
    account, policy, household = s.investment_account, s.policy, s.household
    position, beneficiary, relation, member = (
        s.investment_position.c,
        s.policy_beneficiary.c,
        s.key_relation.c,
        s.household_member.c,
    )
    return [
        *(
            _Tracked((table.c[key],), table.c.contact_id, table)
            for table, key in (
                (s.contact, "contact_id"),
                (s.contact_address, "address_id"),
                (s.contact_phone, "phone_id"),
                (s.contact_email, "email_id"),
            )
        ),
        *(
            _Tracked((table.c[key],), table.c.primary_contact_id, table)
            for table, key in ((account, "account_id"), (s.liability, "liability_id"), (policy, "policy_id"))
        ),
        _Tracked((member.household_id, member.contact_id), member.contact_id, s.household_member),
        _Tracked((relation.relation_id,), relation.contact_id, s.key_relation),
        _Tracked((relation.relation_id,), relation.related_contact_id, s.key_relation, is_counted=False),
        _Tracked((position.position_id,), account.c.primary_contact_id, s.investment_position.join(account)),
        _Tracked(
            (beneficiary.policy_id, beneficiary.contact_id),
            policy.c.primary_contact_id,
            s.policy_beneficiary.join(policy),
        ),
        _Tracked((household.c.household_id,), household.c.household_id, household, by="household"),
    ]


_TRACKED = _tracked()
# The tables whose records are counted, in the order of the counts.
TABLES = tuple(tracked.table.name for tracked in _TRACKED if tracked.is_counted)


@dataclass(frozen=True)
class Movement:
    """What the rows of each unit say, and the source's clock when they were read.

    units: unit_key, digest (int64), latest (a moment), is_doubtful, records (the counts as a JSON list); index = unit
    number.
    counts: how many records of each of the `TABLES` a unit has, a column for each; the same index.
    doubtful: unit_key, entity (the table), entity_id (text), rows: stamps by which nothing can be said (SCP-CLOCK).
    watermark: the highest ``modified_at`` that is not ahead of the clock; None where there is none.
    """

    units: pd.DataFrame
    counts: pd.DataFrame
    doubtful: pd.DataFrame
    clock: int
    watermark: datetime | None

    def changed(self, since: datetime, overlap: timedelta, previous: pd.DataFrame) -> pd.Index:
        """The units that are new or not what they were (``previous``: unit_key, digest), and what the overlap covers.

        ``since``: the watermark of the last run; one that is ahead of the clock counts as the clock.
        """
        units = self.units
        is_recent = units["latest"] >= (min(since - _EPOCH, self.clock * _SECOND) - overlap) // _SECOND
        before = units["unit_key"].map(previous.set_index("unit_key")["digest"])
        is_same = (units["digest"] == before).fillna(False).astype(bool)
        return units.index[is_recent | ~is_same | units["is_doubtful"]]


def track(snapshot: Snapshot, census: Census, numbers: pd.Index | None = None) -> Movement:
    """How the units stand: all, or those with these numbers, read from the rows of their own people alone."""
    units = census.units if numbers is None else census.units.loc[numbers]
    owners, clock = _owners(census, units), _clock(snapshot)
    sums = snapshot.in_threads(
        lambda tracked: _sum(snapshot, tracked, owners[tracked.by], clock, numbers is not None), _TRACKED
    )
    digests = units["client_contact_id"].fillna(0).to_numpy(dtype=np.int64) * 7919 + _led_elsewhere(census, units)
    latest = np.full(len(units), _NEVER)
    records = np.zeros((len(units), len(TABLES)), dtype=np.int64)
    doubtful = []
    for weight, (tracked, rows) in enumerate(zip(_TRACKED, sums, strict=True), start=1):
        place, at = owners[tracked.by].place, owners[tracked.by].at
        np.add.at(digests, place, rows.digest[at] * (2 * weight + 1))
        np.maximum.at(latest, place, rows.latest[at])
        if tracked.is_counted:
            np.add.at(records[:, TABLES.index(tracked.table.name)], place, rows.records[at])
        doubtful.append(rows.doubts(place, at).assign(entity=tracked.table.name))
    doubts = pd.concat(doubtful).drop_duplicates(["place", "entity", "entity_id"])
    is_doubtful = np.bincount(doubts["place"], minlength=len(units)).astype(bool)
    written = pd.array([orjson.dumps(row).decode() for row in records.tolist()], dtype="str")
    states = units[["unit_key"]].assign(digest=digests, latest=latest, is_doubtful=is_doubtful, records=written)
    counts = pd.DataFrame(records, index=units.index, columns=list(TABLES))
    doubts = doubts.assign(unit_key=units["unit_key"].to_numpy()[doubts["place"]])
    seen = max(rows.seen for rows in sums)
    watermark = None if seen == _NEVER else _EPOCH + seen * _SECOND
    return Movement(states, counts, doubts[["unit_key", "entity", "entity_id", "rows"]], clock, watermark)


def _led_elsewhere(census: Census, units: pd.DataFrame) -> Ints:
    """A number for each unit, by the other units whose clients are among its people (HH-COUPLE-TWICE)."""
    clients = census.units[["client_contact_id", "unit_key"]].dropna()
    led = census.people.merge(clients, left_on="contact_id", right_on="client_contact_id")
    led = led[led["unit_key"] != led["unit"].map(census.units["unit_key"])]
    place = units.index.get_indexer(pd.Index(led["unit"]))
    numbers = np.zeros(len(units), dtype=np.int64)
    marks = pd.util.hash_array(led["unit_key"].to_numpy(dtype=object), categorize=False).astype(np.int64)
    np.add.at(numbers, place[place >= 0], marks[place >= 0])
    return numbers


@dataclass(frozen=True)
class _Owners:
    """Contacts or households by key, each once; a unit (``place``) has the rows of an owner (``at``)."""

    keys: pd.Index
    place: Ints
    at: Ints


def _owners(census: Census, units: pd.DataFrame) -> dict[str, _Owners]:
    """By kind of owner."""
    place = units.index.get_indexer(pd.Index(census.people["unit"]))
    people = census.people["contact_id"].to_numpy()[place >= 0]
    is_household = units["household_id"].notna().to_numpy()
    households = units["household_id"].to_numpy(dtype=np.int64, na_value=0)[is_household]
    found = {"contact": (people, place[place >= 0]), "household": (households, np.flatnonzero(is_household))}
    owners = {}
    for kind, (ids, places) in found.items():
        at, keys = pd.factorize(ids)
        owners[kind] = _Owners(pd.Index(keys), places, at)
    return owners


@dataclass
class _Sums:
    """What the rows of one table say, by owner: digest, how many, latest. ``seen``: the highest moment that is past."""

    digest: Ints
    records: Ints
    latest: Ints
    seen: int = _NEVER
    doubtful: list[pd.DataFrame] = field(default_factory=list)

    def add(self, rows: _Rows, owners: pd.Index, clock: int) -> None:
        """A deleted row leaves all but ``seen``, and so is seen as a change of its unit."""
        is_past = (rows.moment >= _YEAR_ONE) & (rows.moment <= clock)
        self.seen = max(self.seen, int(rows.moment[is_past].max(initial=_NEVER)))
        at = owners.get_indexer(pd.Index(rows.owner))
        mine = (at >= 0) & rows.is_alive
        owner_at, moment = at[mine], rows.moment[mine]
        term = np.fmod((np.fmod(rows.key[mine], _SMALL) + 1) * np.fmod(rows.mark[mine], _SMALL), _LARGE) + 1
        np.add.at(self.digest, owner_at, term)
        self.records += np.bincount(owner_at, minlength=len(self.records))
        np.maximum.at(self.latest, owner_at, moment)
        odd = np.flatnonzero(mine & ((rows.moment == _NEVER) | (rows.moment > clock)))
        if len(odd):
            self.doubtful.append(pd.DataFrame({"at": at[odd], "entity_id": rows.names(odd)}))

    def doubts(self, place: Ints, at: Ints) -> pd.DataFrame:
        """place, entity_id (the first), rows of each unit's stamps by which nothing can be said."""
        if not self.doubtful:
            return pd.DataFrame({"place": place[:0], "entity_id": pd.Series(dtype="str"), "rows": place[:0]})
        found = pd.concat(self.doubtful).groupby("at")["entity_id"].agg(entity_id="min", rows="size").reset_index()
        return pd.DataFrame({"place": place, "at": at}).merge(found, on="at").drop(columns="at")


@dataclass(frozen=True)
class _Rows:
    """owner, is_alive, key (scrambled), moment, mark (a number for the very stamp) of each row; names of some."""

    owner: Ints
    is_alive: Flags
    key: Ints
    moment: Ints
    mark: Ints
    names: Callable[[Ints], list[str]]


_Reader: TypeAlias = Callable[[pa.RecordBatch], _Rows | None]


def _sum(snapshot: Snapshot, tracked: _Tracked, owners: _Owners, clock: int, of_these_alone: bool) -> _Sums:
    """One statement; a second one on SQLite where the table holds a cell of another kind than it is declared."""
    keys = owners.keys if of_these_alone else None
    for statement, read in _ways(snapshot.is_sqlite, tracked, of_these_alone):
        none = np.zeros(len(owners.keys), dtype=np.int64)
        sums = _Sums(none, none.copy(), np.full(len(none), _NEVER))
        for batch in snapshot.batches(statement, keys):
            rows = read(batch)
            if rows is None:
                break
            sums.add(rows, owners.keys, clock)
        else:
            break
    return sums


@functools.cache
def _ways(is_sqlite: bool, tracked: _Tracked, of_these_alone: bool) -> list[tuple[sa.Select[Any], _Reader]]:
    """How a table can be read; the first way is the fast one, and gives up where a cell is none that was declared."""
    mine = tracked.owner.in_(id_list(is_sqlite)) if of_these_alone else sa.true()
    careful = (_carefully(is_sqlite, tracked, mine), _as_said)
    return [(_plainly(tracked, mine), _as_declared), careful] if is_sqlite else [careful]


def _plainly(tracked: _Tracked, mine: Expression) -> sa.Select[Any]:
    """owner, stamp, deleted_at and the parts of the key as SQLite has them; nothing where a number is none."""
    columns = tracked.table.c
    texts = [columns.modified_at] + ([columns.deleted_at] if "deleted_at" in columns else [])
    written = [sa.func.coalesce(sa.cast(_bare(text), sa.Text), _literal("")).label(text.name) for text in texts]
    parts = [sa.case((sa.func.typeof(part) == _literal("integer"), _bare(part))) for part in tracked.keys]
    named = [part.label(_part(at)) for at, part in enumerate(parts)]
    owner = columns_as_read(True, tracked.owner)[0].label("owner")
    return sa.select(owner, *named, *written).select_from(tracked.rows).where(tracked.owner.is_not(None), mine)


def _as_declared(batch: pa.RecordBatch) -> _Rows | None:
    """The rows of `_plainly`; None where a key is no whole number, or a time is not written as the most are."""
    parts = [column for name, column in zip(batch.schema.names, batch.columns, strict=True) if name.startswith("part_")]
    if batch["owner"].null_count or any(part.null_count for part in parts):
        return None
    try:
        stamps = _micros(batch["modified_at"])
        is_alive = np.ones(len(batch), dtype=bool)
        if "deleted_at" in batch.schema.names:
            is_alive = pc.equal(batch["deleted_at"], "").to_numpy(zero_copy_only=False)
            deleted = _micros(batch["deleted_at"].filter(pa.array(~is_alive)))
            if (deleted < _YEAR_ONE * 1_000_000).any():
                return None
    except pa.ArrowInvalid:
        return None
    numbers = [part.to_numpy() for part in parts]
    key = np.zeros(len(batch), dtype=np.int64)
    for part in numbers:
        key = np.fmod(np.fmod(key + np.fmod(part, _SMALL), _SMALL) * _FACTOR, _LARGE)
    moment, fraction = np.divmod(stamps, 1_000_000)
    # As `_mark_in_sqlite` has it: a one, and behind it the digits of the fraction as they are written.
    digits = np.maximum(pc.binary_length(batch["modified_at"]).to_numpy().astype(np.int64) - 20, 0)
    mark = moment * _APART + 10**digits + fraction // 10 ** (6 - digits)

    def names(at: Ints) -> list[str]:
        return ["/".join(str(part[one]) for part in numbers) for one in at]

    return _Rows(batch["owner"].to_numpy(), is_alive, key, moment, mark, names)


def _micros(stamps: pa.Array) -> Ints:
    """Microseconds since 1970 of stamps as SQLite's own functions write them. Raises `pa.ArrowInvalid` for another."""
    sizes = pc.binary_length(stamps)
    if not pc.all(pc.is_in(sizes, value_set=_STAMP_SIZES), min_count=0).as_py():
        raise pa.ArrowInvalid("a stamp of another form")
    micros: Ints = stamps.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    return micros


def _as_said(batch: pa.RecordBatch) -> _Rows:
    """The rows of `_carefully`."""
    owner, is_alive, key, moment, mark, name = batch.columns
    return _Rows(
        owner.cast(pa.int64()).to_numpy(),
        is_alive.cast(pa.bool_()).to_numpy(zero_copy_only=False),
        key.cast(pa.int64()).to_numpy(),
        pc.fill_null(moment.cast(pa.int64()), _NEVER).to_numpy(),
        mark.cast(pa.int64()).to_numpy(),
        lambda at: name.cast(pa.string()).take(pa.array(at)).to_pylist(),
    )


def _clock(snapshot: Snapshot) -> int:
    """The source's own time."""
    now = "unixepoch()" if snapshot.is_sqlite else "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)"
    clock = sa.literal_column(now, sa.BigInteger).label("clock")
    (moment,) = snapshot.read(sa.select(clock)).column(0).to_pylist()
    return int(moment)


def _carefully(is_sqlite: bool, tracked: _Tracked, mine: Expression) -> sa.Select[Any]:
    """owner, is_alive, key (scrambled), moment, mark and name of each row, for any cells."""
    row = _rows(is_sqlite, tracked, mine).c
    mark = (_mark_in_sqlite if is_sqlite else _mark_in_postgresql)(row.stamp, row.moment)
    parts = [_named(is_sqlite, row[_part(at)]) for at in range(len(tracked.keys))]
    name = functools.reduce(lambda whole, part: whole + _literal("/") + part, parts)
    owner = sa.type_coerce(row.owner, sa.BigInteger)
    return sa.select(owner, row.is_alive, row.key, row.moment, mark.label("mark"), name.label("name")).where(
        row.owner.is_not(None)
    )


def _rows(is_sqlite: bool, tracked: _Tracked, mine: Expression) -> sa.Subquery:
    """owner, is_alive, key (scrambled), each part of the key as it is, stamp, moment of each row."""
    key = _literal(0)
    for part in tracked.keys:
        key = _scrambled(key + sa.func.coalesce(part % _literal(_SMALL), _literal(-1)))
    columns = tracked.table.c
    stamp = _bare(columns.modified_at)
    rows = sa.select(
        columns_as_read(is_sqlite, tracked.owner)[0].label("owner"),
        (is_alive(is_sqlite, tracked.table) if "deleted_at" in columns else sa.true()).label("is_alive"),
        key.label("key"),
        *(_bare(part).label(_part(at)) for at, part in enumerate(tracked.keys)),
        stamp.label("stamp"),
        (_moment_in_sqlite if is_sqlite else _moment_in_postgresql)(stamp).label("moment"),
    )
    rows = rows.select_from(tracked.rows).where(tracked.owner.is_not(None), mine)
    # Without an offset the database would work out the moment anew for each of its uses.
    return rows.offset(_literal(0)).subquery()


def _bare(column: Expression) -> Expression:
    """The column, of no type that SQLAlchemy or the driver would make something of."""
    return sa.type_coerce(column, sa.types.NullType())


def _part(at: int) -> str:
    return f"part_{at}"


def _named(is_sqlite: bool, part: Expression) -> Expression:
    """A part of a key as text; SQLite keeps anything in it."""
    digits = sa.cast(part, sa.Text)
    return sa.case((_is_number(part), digits), else_=_literal("?")) if is_sqlite else digits


def _scrambled(number: Expression) -> Expression:
    return (number % _literal(_SMALL)) * _literal(_FACTOR) % _literal(_LARGE)


def _moment_in_sqlite(stamp: Expression) -> Expression:
    """SQLite keeps a time as text, or as a number of seconds or of days (its own reckoning)."""
    as_number, as_text = sa.func.unixepoch(stamp, _literal("auto")), sa.func.unixepoch(stamp)
    is_day = stamp.op("GLOB", return_type=sa.Boolean())(_literal("????-??-??*"))
    return sa.type_coerce(sa.case((_is_number(stamp), as_number), (is_day, as_text)), sa.BigInteger)


def _mark_in_sqlite(stamp: Expression, moment: Expression) -> Expression:
    """A number for the very stamp, fractions of a second included; a stamp that is no time has a number too."""
    fraction = _literal("1").op("||")(sa.func.substr(stamp, _literal(21)))
    place = sa.func.json_each(_literal(_PLACES)).table_valued("value").c.value
    letter = sa.func.unicode(sa.func.substr(stamp, place, _literal(1)))
    letters = sa.select(sa.func.sum(letter * _scrambled(place))).scalar_subquery()
    return sa.case(
        (_is_number(stamp), sa.cast(stamp * _literal(_APART), sa.Integer)),
        (moment.is_not(None), moment * _literal(_APART) + sa.cast(fraction, sa.Integer)),
        else_=sa.func.coalesce(letters, sa.func.length(stamp), _literal(-1)),
    )


def _is_number(stamp: Expression) -> Expression:
    return sa.func.typeof(stamp).in_([_literal("integer"), _literal("real")])


def _moment_in_postgresql(stamp: Expression) -> Expression:
    """Null for what no calendar of ours has: infinity, before Christ, after 9999."""
    first, last = (sa.cast(_literal(day), sa.DateTime) for day in ("0001-01-01", "9999-12-31 23:59:59"))
    moment = sa.cast(sa.func.floor(sa.extract("epoch", stamp)), sa.BigInteger)
    return sa.case((stamp.between(first, last), moment))


def _mark_in_postgresql(stamp: Expression, _moment: Expression) -> Expression:
    """A number for the very stamp; by its seconds, which no session's time zone changes."""
    text = sa.cast(sa.extract("epoch", stamp), sa.Text)
    return sa.func.coalesce(sa.func.hashtextextended(text, _literal(0)), _literal(-1))
