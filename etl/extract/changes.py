"""What moved since the last finished run (SCP-4), by the source's own ``modified_at`` and by its keys.

A row that vanished leaves no ``modified_at``: every unit's keys are summed into a digest, and a digest that differs
from last time's is a change too. One grouped statement for each table, whatever the size of the CRM.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.extract.scope import Census
from etl.extract.source import Snapshot, to_frame


@dataclass(frozen=True)
class _Tracked:
    """A table whose rows belong to contacts: its key and the way to the contact."""

    key: sa.Column[Any]
    contact: sa.Column[Any]
    rows: sa.FromClause
    alive: sa.ColumnElement[bool] | None = None

    @property
    def modified_at(self) -> sa.Column[Any]:
        modified: sa.Column[Any] = self.key.table.c.modified_at
        return modified


def _tracked() -> list[_Tracked]:
    contact, account, policy, liability = s.contact, s.investment_account, s.policy, s.liability
    position, beneficiary, relation, member = (
        s.investment_position,
        s.policy_beneficiary,
        s.key_relation,
        s.household_member,
    )
    return [
        _Tracked(contact.c.contact_id, contact.c.contact_id, contact, contact.c.deleted_at.is_(None)),
        *(
            _Tracked(table.c[key], table.c.contact_id, table)
            for table, key in (
                (s.contact_address, "address_id"),
                (s.contact_phone, "phone_id"),
                (s.contact_email, "email_id"),
            )
        ),
        _Tracked(member.c.household_id, member.c.contact_id, member),
        _Tracked(relation.c.relation_id, relation.c.contact_id, relation),
        _Tracked(relation.c.relation_id, relation.c.related_contact_id, relation),
        _Tracked(account.c.account_id, account.c.primary_contact_id, account, account.c.deleted_at.is_(None)),
        _Tracked(liability.c.liability_id, liability.c.primary_contact_id, liability, liability.c.deleted_at.is_(None)),
        _Tracked(policy.c.policy_id, policy.c.primary_contact_id, policy, policy.c.deleted_at.is_(None)),
        _Tracked(position.c.position_id, account.c.primary_contact_id, position.join(account)),
        _Tracked(beneficiary.c.contact_id, policy.c.primary_contact_id, beneficiary.join(policy)),
    ]


@dataclass(frozen=True)
class Movement:
    """digests: unit_key, digest (int64) for every unit; changed: unit numbers; watermark: the highest modified_at."""

    digests: pd.DataFrame
    changed: pd.Index
    watermark: datetime | None


def track(snapshot: Snapshot, census: Census, since: datetime | None) -> Movement:
    """The key digest of every unit, and the units with a row modified at or after ``since`` (none where it is null)."""
    units = len(census.units)
    digests = np.zeros(units, dtype=np.int64)
    changed = np.zeros(units, dtype=bool)
    tables = _tracked()
    times = [s.household.c.modified_at, *(tracked.modified_at for tracked in tables)]
    watermarks = snapshot.in_threads(lambda column: _watermark(snapshot, column), times)
    sums = snapshot.in_threads(lambda tracked: snapshot.read(_by_contact(snapshot, tracked, since)), tables)
    for number, rows in enumerate(sums, start=1):
        of_people = census.people.merge(to_frame(rows), on="contact_id")
        np.add.at(
            digests, of_people["unit"].to_numpy(), of_people["digest"].to_numpy(dtype=np.int64) * (2 * number + 1)
        )
        changed[of_people.loc[of_people["is_changed"].to_numpy(dtype=bool), "unit"].to_numpy()] = True
    changed[_changed_households(snapshot, census, since)] = True
    heads = census.units["client_contact_id"].fillna(0).to_numpy(dtype=np.int64)
    frame = pd.DataFrame({"unit_key": census.units["unit_key"], "digest": digests + heads * 7919})
    seen = [mark for mark in watermarks if mark is not None]
    return Movement(frame, census.units.index[changed], max(seen) if seen else None)


def digest_of(snapshot: Snapshot, census: Census, unit: int) -> int:
    """The key digest of one unit, the same as `track` gives for it, read from its own people's rows alone."""
    people = census.people.loc[census.people["unit"] == unit, "contact_id"]
    total = int(census.units.loc[[unit], "client_contact_id"].fillna(0).iloc[0]) * 7919
    for number, tracked in enumerate(_tracked(), start=1):
        statement = _by_contact(snapshot, tracked, None).where(tracked.contact.in_(snapshot.id_list()))
        rows = to_frame(snapshot.read(statement, people))
        total += int(rows["digest"].sum()) * (2 * number + 1)
    return (total + 2**63) % 2**64 - 2**63


def vanished(census: Census, digests: pd.DataFrame, previous: pd.DataFrame) -> pd.Index:
    """The numbers of the units whose keys are not last time's (``previous``: unit_key, digest), or are new."""
    joined = digests.merge(previous, on="unit_key", how="left", suffixes=("", "_before"))
    same = (joined["digest"] == joined["digest_before"]).fillna(False).to_numpy(dtype=bool)
    return census.units.index[~same]


def depends_on_as_of(snapshot: Snapshot, census: Census) -> pd.Index:
    """The numbers of the units with a liability whose figures are computed as of the run's date (LIA-COMPUTED)."""
    liability = s.liability.c
    current = [liability.loan_balance, liability.interest_rate, liability.monthly_payment, liability.balloon_period]
    rows = snapshot.read(
        sa.select(*snapshot.columns(liability.primary_contact_id)).where(
            liability.deleted_at.is_(None),
            liability.primary_contact_id.is_not(None),
            liability.calculate == sa.true(),
            sa.or_(*(figure.is_(None) for figure in current)),
        )
    )
    return census.units_of(to_frame(rows)["primary_contact_id"])


def _by_contact(snapshot: Snapshot, tracked: _Tracked, since: datetime | None) -> sa.Select[*tuple[Any, ...]]:
    """contact_id, digest (sum of scrambled keys), is_changed — for every contact that has such rows."""
    small = tracked.key % sa.literal_column("2147483629")
    scrambled = (small * sa.literal_column("2654435761")) % sa.literal_column("4294967291") + 1
    total = sa.func.sum(scrambled)
    digest = total if snapshot.is_sqlite else sa.cast(total, sa.BigInteger)
    if since is None:
        is_changed: sa.ColumnElement[Any] = sa.literal_column("0")
    else:
        latest = sa.func.max(_moment(snapshot, tracked.modified_at))
        is_changed = sa.case((latest >= _bound(snapshot, since), sa.literal_column("1")), else_=sa.literal_column("0"))
    statement = sa.select(
        sa.type_coerce(tracked.contact, sa.BigInteger).label("contact_id"),
        digest.label("digest"),
        sa.cast(is_changed, sa.Integer).label("is_changed"),
    )
    statement = statement.select_from(tracked.rows).where(tracked.contact.is_not(None)).group_by(tracked.contact)
    # A deleted row leaves the digest, and so is seen as a change of its unit.
    return statement if tracked.alive is None else statement.where(tracked.alive)


def _moment(snapshot: Snapshot, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A timestamp that sorts: SQLite keeps text, with a blank or a T between day and time."""
    return sa.func.replace(sa.type_coerce(column, sa.Text), "T", " ") if snapshot.is_sqlite else column


def _bound(snapshot: Snapshot, since: datetime) -> sa.ColumnElement[Any]:
    if snapshot.is_sqlite:
        return sa.literal_column(f"'{since:%Y-%m-%d %H:%M:%S}'")
    return sa.literal_column(f"TIMESTAMP '{since:%Y-%m-%d %H:%M:%S.%f}'")


def _watermark(snapshot: Snapshot, modified_at: sa.Column[Any]) -> datetime | None:
    latest = sa.cast(sa.func.max(_moment(snapshot, modified_at)), sa.Text)
    (value,) = snapshot.read(sa.select(latest.label("latest"))).column(0).to_pylist()
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=None)


def _changed_households(snapshot: Snapshot, census: Census, since: datetime | None) -> pd.Index:
    if since is None:
        return census.units.index[:0]
    household = s.household.c
    rows = to_frame(
        snapshot.read(
            sa.select(*snapshot.columns(household.household_id)).where(
                _moment(snapshot, household.modified_at) >= _bound(snapshot, since)
            )
        )
    )
    return census.units.index[census.units["household_id"].isin(rows["household_id"])]
