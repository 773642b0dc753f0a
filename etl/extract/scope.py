"""Which units of a census a run takes: the enrolled ones (SCP-6), those with loans, and the shards."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.errors import SettingsError
from etl.extract.cells import is_alive, text_of
from etl.extract.census import Census
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among


def enrolled(snapshot: Snapshot, census: Census, enroll: str, linked: set[str]) -> pd.Index:
    """The numbers of the units enrolled with a vendor (SCP-6): ``linked``, ``all``, or ``set:<name>`` by the client."""
    if enroll == "all":
        return census.units.index
    if enroll == "linked":
        return census.units.index[are_among(census.units["unit_key"], linked)]
    name = enroll.removeprefix("set:").strip()
    if not enroll.startswith("set:") or not name:
        raise SettingsError(f"Enrollment {enroll!r} is not understood: use linked, all or set:<name of a CRM set>.")
    rows = snapshot.read(
        sa.select(*snapshot.columns(s.contact_set.c.set_id, s.contact_set_member.c.contact_id))
        .select_from(
            s.contact_set.outerjoin(s.contact_set_member, s.contact_set.c.set_id == s.contact_set_member.c.set_id)
        )
        .where(text_of(s.contact_set.c.name) == name)
    )
    if not rows.num_rows:
        raise SettingsError(
            f"The CRM has no set named {name!r}, which the enrollment names. Check Sets in SmartOffice."
        )
    return census.units.index[census.units["client_contact_id"].isin(to_frame(rows)["contact_id"].dropna())]


def in_shards(numbers: pd.Index, units_per_shard: int) -> list[pd.Index]:
    """The units cut into shards of at most ``units_per_shard``, in the order of their keys."""
    ordered = numbers.sort_values()
    return [ordered[start : start + units_per_shard] for start in range(0, len(ordered), units_per_shard)]


def read_loans(snapshot: Snapshot, census: Census) -> pd.DataFrame:
    """unit (a number), orig_loan_date, calculate, is_computed of each unit's liabilities.

    ``is_computed``: figures that go are computed as of the run's date (LIA-COMPUTED).
    """
    liability = s.liability.c
    current = (liability.loan_balance, liability.interest_rate, liability.monthly_payment, liability.balloon_period)
    calculate, *figures = snapshot.columns(liability.calculate, *current)
    is_computed = sa.and_(calculate == sa.true(), sa.or_(*(figure.is_(None) for figure in figures)))
    columns = snapshot.columns(liability.primary_contact_id, liability.orig_loan_date)
    rows = snapshot.read(
        sa.select(*columns, calculate, sa.type_coerce(is_computed, sa.Boolean).label("is_computed")).where(
            is_alive(snapshot.is_sqlite, s.liability), liability.primary_contact_id.is_not(None)
        )
    )
    loans = to_frame(rows).rename(columns={"primary_contact_id": "contact_id"}).dropna(subset="contact_id")
    return census.people.merge(loans, on="contact_id")
