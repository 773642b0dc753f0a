"""What moved since the last finished run (SCP-4), by the source's own ``modified_at`` and by its keys.

The digest of a unit sums over its rows a scramble of key and ``modified_at``: a row that is new, has vanished or bears
another stamp than last time, whichever way it moved and whenever it was committed, makes another digest. A row that
was written again under the stamp that it had is what the overlap is for: rows stamped shortly before the watermark,
and after it, are looked at again.

A stamp is compared in the source and decides about its own unit alone. The watermark is the highest that is not ahead
of the source's own clock; one that is ahead, or no time at all, is reported (SCP-CLOCK), and its unit looked at every
night. One grouped statement for each table, for any size of the CRM.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.extract.cells import columns_as_read, is_alive
from etl.extract.census import Census
from etl.extract.source import Snapshot, id_list, to_frame

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

Expression = sa.ColumnElement[Any]


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

    def read(tracked: _Tracked) -> pd.DataFrame:
        statement = _by_owner(snapshot.is_sqlite, tracked, of_these_alone=numbers is not None)
        keys = None if numbers is None else owners[tracked.by]["owner"]
        return to_frame(snapshot.read(statement, keys, clock=clock))

    sums = snapshot.in_threads(read, _TRACKED)
    digests = units["client_contact_id"].fillna(0).to_numpy(dtype=np.int64) * 7919
    latest = np.full(len(units), _NEVER)
    records = np.zeros((len(units), len(TABLES)), dtype=np.int64)
    doubtful = []
    for weight, (tracked, rows) in enumerate(zip(_TRACKED, sums, strict=True), start=1):
        of_units = owners[tracked.by].merge(rows, on="owner")
        np.add.at(digests, of_units["place"], of_units["digest"].to_numpy(dtype=np.int64) * (2 * weight + 1))
        np.maximum.at(latest, of_units["place"], of_units["latest"].fillna(_NEVER).to_numpy(dtype=np.int64))
        if tracked.is_counted:
            rows_of = of_units["records"].to_numpy(dtype=np.int64)
            np.add.at(records[:, TABLES.index(tracked.table.name)], of_units["place"], rows_of)
        doubtful.append(of_units[of_units["doubtful"] > 0].assign(entity=tracked.table.name))
    doubts = pd.concat(doubtful).drop_duplicates(["place", "entity", "entity_id"])
    is_doubtful = np.bincount(doubts["place"], minlength=len(units)).astype(bool)
    written = pd.array([orjson.dumps(row).decode() for row in records.tolist()], dtype="str")
    states = units[["unit_key"]].assign(digest=digests, latest=latest, is_doubtful=is_doubtful, records=written)
    counts = pd.DataFrame(records, index=units.index, columns=list(TABLES))
    doubts = doubts.assign(unit_key=units["unit_key"].to_numpy()[doubts["place"]], rows=doubts["doubtful"])
    seen = pd.concat([rows["seen"] for rows in sums]).max()
    watermark = None if pd.isna(seen) else _EPOCH + int(seen) * _SECOND
    return Movement(states, counts, doubts[["unit_key", "entity", "entity_id", "rows"]], clock, watermark)


def _owners(census: Census, units: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By kind of owner: place (of a unit among ``units``), owner (a contact's or household's key)."""
    people = census.people.assign(place=units.index.get_indexer(pd.Index(census.people["unit"])))
    households = pd.DataFrame({"place": np.arange(len(units)), "owner": units["household_id"].to_numpy()})
    return {
        "contact": people.loc[people["place"] >= 0, ["place", "contact_id"]].rename(columns={"contact_id": "owner"}),
        "household": households.dropna().astype("int64"),
    }


def _clock(snapshot: Snapshot) -> int:
    """The source's own time."""
    now = "unixepoch()" if snapshot.is_sqlite else "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)"
    clock = sa.literal_column(now, sa.BigInteger).label("clock")
    (moment,) = snapshot.read(sa.select(clock)).column(0).to_pylist()
    return int(moment)


@functools.cache
def _by_owner(is_sqlite: bool, tracked: _Tracked, of_these_alone: bool) -> sa.Select[tuple[Any, ...]]:
    """For each owner, or those of a list: digest, records, latest, doubtful and entity_id (how many, the first), seen.

    A deleted row leaves all but ``seen``, and so is seen as a change of its unit. The source's time is bound as
    ``clock``, so that one statement serves all runs.
    """
    row = _rows(is_sqlite, tracked, of_these_alone).c
    now, one, none = sa.bindparam("clock", type_=sa.BigInteger), _literal(1), _literal(0)
    mark = (_mark_in_sqlite if is_sqlite else _mark_in_postgresql)(row.stamp, row.moment)
    term = (row.key % _literal(_SMALL) + one) * (mark % _literal(_SMALL)) % _literal(_LARGE) + one
    is_doubtful = sa.and_(row.is_alive, sa.or_(row.moment.is_(None), row.moment > now))
    parts = [_named(is_sqlite, row[_part(at)]) for at in range(len(tracked.keys))]
    name = functools.reduce(lambda whole, part: whole + _literal("/") + part, parts)
    is_past = row.moment.between(_literal(_YEAR_ONE), now)
    figures = {
        "digest": sa.func.sum(sa.case((row.is_alive, term), else_=none)),
        "records": sa.func.sum(sa.case((row.is_alive, one), else_=none)),
        "latest": sa.func.max(sa.case((row.is_alive, row.moment))),
        "doubtful": sa.func.sum(sa.case((is_doubtful, one), else_=none)),
        "seen": sa.func.max(sa.case((is_past, row.moment))),
    }
    return sa.select(
        row.owner,
        *(sa.cast(figure, sa.BigInteger).label(label) for label, figure in figures.items()),
        sa.func.min(sa.case((is_doubtful, name))).label("entity_id"),
    ).group_by(row.owner)


def _rows(is_sqlite: bool, tracked: _Tracked, of_these_alone: bool) -> sa.Subquery:
    """owner, is_alive, key (scrambled), each part of the key as it is, stamp, moment of each row."""
    key = _literal(0)
    for part in tracked.keys:
        key = _scrambled(key + sa.func.coalesce(part % _literal(_SMALL), _literal(-1)))
    columns = tracked.table.c
    stamp: Expression = sa.type_coerce(columns.modified_at, sa.types.NullType())
    rows = sa.select(
        columns_as_read(is_sqlite, tracked.owner)[0].label("owner"),
        (is_alive(is_sqlite, tracked.table) if "deleted_at" in columns else sa.true()).label("is_alive"),
        key.label("key"),
        *(sa.type_coerce(part, sa.types.NullType()).label(_part(at)) for at, part in enumerate(tracked.keys)),
        stamp.label("stamp"),
        (_moment_in_sqlite if is_sqlite else _moment_in_postgresql)(stamp).label("moment"),
    )
    rows = rows.select_from(tracked.rows).where(tracked.owner.is_not(None))
    if of_these_alone:
        rows = rows.where(tracked.owner.in_(id_list(is_sqlite)))
    # Without an offset the database would work out the moment anew for each of its uses.
    return rows.offset(_literal(0)).subquery()


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
