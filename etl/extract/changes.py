"""What moved since the last finished run (SCP-4), by the source's own ``modified_at`` and by its keys.

The digest of a unit sums over its rows a scramble of key and ``modified_at``: a row that is new, has vanished or bears
another stamp than last time, whichever way it moved and whenever it was committed, makes another digest. So does
another unit that has one of its people as client, or has so no longer. A row that was written again under the stamp
that it had is what the overlap is for: rows stamped shortly before the watermark, and after it, are looked at again.

A stamp is compared in the source and decides about its own unit alone. The watermark is the highest that is not ahead
of the source's own clock; one that is ahead, or no time at all, is reported (SCP-CLOCK), and its unit looked at every
night. One statement for each table, whose rows are summed as they come: no table is held as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import orjson
import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.extract.census import Census
from etl.extract.source import Snapshot
from etl.extract.stamped_rows import EPOCH, LARGE, NEVER, SECOND, SMALL, YEAR_ONE, Ints, Rows, Tracked, ways_to_read


def _tracked() -> list[Tracked]:
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
            Tracked((table.c[key],), table.c.contact_id, table)
            for table, key in (
                (s.contact, "contact_id"),
                (s.contact_address, "address_id"),
                (s.contact_phone, "phone_id"),
                (s.contact_email, "email_id"),
            )
        ),
        *(
            Tracked((table.c[key],), table.c.primary_contact_id, table)
            for table, key in ((account, "account_id"), (s.liability, "liability_id"), (policy, "policy_id"))
        ),
        Tracked((member.household_id, member.contact_id), member.contact_id, s.household_member),
        Tracked((relation.relation_id,), relation.contact_id, s.key_relation),
        Tracked((relation.relation_id,), relation.related_contact_id, s.key_relation, is_counted=False),
        Tracked((position.position_id,), account.c.primary_contact_id, s.investment_position.join(account)),
        Tracked(
            (beneficiary.policy_id, beneficiary.contact_id),
            policy.c.primary_contact_id,
            s.policy_beneficiary.join(policy),
        ),
        Tracked((household.c.household_id,), household.c.household_id, household, by="household"),
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
        is_recent = units["latest"] >= (min(since - EPOCH, self.clock * SECOND) - overlap) // SECOND
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
    latest = np.full(len(units), NEVER)
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
    watermark = None if seen == NEVER else EPOCH + seen * SECOND
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
    seen: int = NEVER
    doubtful: list[pd.DataFrame] = field(default_factory=list)

    def add(self, rows: Rows, owners: pd.Index, clock: int) -> None:
        """A deleted row leaves all but ``seen``, and so is seen as a change of its unit."""
        is_past = (rows.moment >= YEAR_ONE) & (rows.moment <= clock)
        self.seen = max(self.seen, int(rows.moment[is_past].max(initial=NEVER)))
        at = owners.get_indexer(pd.Index(rows.owner))
        mine = (at >= 0) & rows.is_alive
        owner_at, moment = at[mine], rows.moment[mine]
        term = np.fmod((np.fmod(rows.key[mine], SMALL) + 1) * np.fmod(rows.mark[mine], SMALL), LARGE) + 1
        np.add.at(self.digest, owner_at, term)
        self.records += np.bincount(owner_at, minlength=len(self.records))
        np.maximum.at(self.latest, owner_at, moment)
        odd = np.flatnonzero(mine & ((rows.moment == NEVER) | (rows.moment > clock)))
        if len(odd):
            self.doubtful.append(pd.DataFrame({"at": at[odd], "entity_id": rows.names(odd)}))

    def doubts(self, place: Ints, at: Ints) -> pd.DataFrame:
        """place, entity_id (the first), rows of each unit's stamps by which nothing can be said."""
        if not self.doubtful:
            return pd.DataFrame({"place": place[:0], "entity_id": pd.Series(dtype="str"), "rows": place[:0]})
        found = pd.concat(self.doubtful).groupby("at")["entity_id"].agg(entity_id="min", rows="size").reset_index()
        return pd.DataFrame({"place": place, "at": at}).merge(found, on="at").drop(columns="at")


def _sum(snapshot: Snapshot, tracked: Tracked, owners: _Owners, clock: int, of_these_alone: bool) -> _Sums:
    """One statement; a second one on SQLite where the table holds a cell of another kind than it is declared."""
    keys = owners.keys if of_these_alone else None
    for statement, read in ways_to_read(snapshot.is_sqlite, tracked, of_these_alone):
        none = np.zeros(len(owners.keys), dtype=np.int64)
        sums = _Sums(none, none.copy(), np.full(len(none), NEVER))
        for batch in snapshot.batches(statement, keys):
            rows = read(batch)
            if rows is None:
                break
            sums.add(rows, owners.keys, clock)
        else:
            break
    return sums


def _clock(snapshot: Snapshot) -> int:
    """The source's own time."""
    now = "unixepoch()" if snapshot.is_sqlite else "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)"
    clock = sa.literal_column(now, sa.BigInteger).label("clock")
    (moment,) = snapshot.read(sa.select(clock)).column(0).to_pylist()
    return int(moment)
