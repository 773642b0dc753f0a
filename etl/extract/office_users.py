"""Offices and their users, for the checks before a transfer: what each user may do, by name."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.extract.source import Snapshot, to_frame


def read_offices(snapshot: Snapshot, office_ids: Iterable[int]) -> pd.DataFrame:
    """office_id, name, status of these offices; one that does not exist has no row."""
    office = s.office.c
    statement = sa.select(*snapshot.columns(office.office_id, office.name, office.status))
    return to_frame(snapshot.read(statement.where(office.office_id.in_(snapshot.id_list())), office_ids))


def read_user(snapshot: Snapshot, user_name: str) -> pd.DataFrame:
    """user_id, office_id, status, right_name of a user, a row for each right; empty: there is no such user."""
    user, right = s.crm_user.c, s.user_right.c
    statement = (
        sa.select(*snapshot.columns(user.user_id, user.office_id, user.status, right.right_name))
        .join_from(s.crm_user, s.user_right, user.user_id == right.user_id, isouter=True)
        .where(sa.func.trim(user.user_name) == sa.bindparam("name"))
        .params(name=user_name)
    )
    return to_frame(snapshot.read(statement))
