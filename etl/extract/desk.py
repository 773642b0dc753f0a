"""What the desk asks of the CRM while somebody waits: few rows, by statements with a bound."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from etl import schema as s
from etl.extract.source import Snapshot
from etl.values import USER_STATUSES, normal


@dataclass(frozen=True)
class CrmUser:
    """A user of the CRM: ``offices`` are their own office and those below it, whose records they may see."""

    user_name: str
    is_enabled: bool
    offices: frozenset[int]


def read_crm_user(snapshot: Snapshot, user_name: str) -> CrmUser | None:
    """The CRM user of that name; None where there is none."""
    user = s.crm_user.c
    named = (
        sa.select(*snapshot.columns(user.office_id, user.status))
        .where(sa.func.trim(user.user_name) == sa.bindparam("name"))
        .limit(1)
        .params(name=user_name)
    )
    rows = snapshot.read(named).to_pylist()
    if not rows:
        return None
    is_enabled = normal(rows[0]["status"] or "") in USER_STATUSES
    return CrmUser(user_name, is_enabled, _with_those_below(snapshot, rows[0]["office_id"]))


def _with_those_below(snapshot: Snapshot, office_id: int) -> frozenset[int]:
    office = s.office.c
    offices = snapshot.read(sa.select(*snapshot.columns(office.office_id, office.parent_office_id))).to_pylist()
    below: dict[int | None, list[int]] = {}
    for row in offices:
        below.setdefault(row["parent_office_id"], []).append(row["office_id"])
    found, to_visit = set[int](), [office_id]
    while to_visit:
        one = to_visit.pop()
        if one not in found:
            found.add(one)
            to_visit.extend(below.get(one, ()))
    return frozenset(found)
