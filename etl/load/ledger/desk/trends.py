"""How the work goes, night by night: what is open, new and mended, by rule and by office; units that never went.

All figures come from the events of items in a few statements with sums; the number of open items of an earlier night is
that of now, without what has opened and closed since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from etl.load.ledger.desk.items import ENDED, MENDED
from etl.load.ledger.desk.units import Scope, is_visible
from etl.load.ledger.retention import NIGHT
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import link, run, unit_state, work_item, work_item_event, work_unit

NIGHTS = 90
# Outcomes of units that a run wanted to send, and did not.
_NOT_SENT = ("held", "failed", "deferred")

Figures = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """One figure for each night, oldest first: items open at its end; opened and mended since the night before."""

    open: Figures
    new: Figures
    mended: Figures


@dataclass(frozen=True)
class Trends:
    """The last nights, and what happened to items in them and since.

    ``nights``: the day of each, oldest first. ``moves``: rule_id, office_id, night (its number; that of what came after
    the last is their count), opened, mended, closed. ``now``: rule_id, office_id, items open now. ``mending``: rule_id,
    office_id, days, a row for each time that an item was mended in these nights or since. ``offices``: their names.
    """

    nights: list[date]
    moves: pd.DataFrame
    now: pd.DataFrame
    mending: pd.DataFrame
    offices: dict[int, str]

    @property
    def rules(self) -> list[str]:
        """The rules that had an open item in these nights."""
        return sorted({*self.moves["rule_id"], *self.now["rule_id"]})

    def series(self, rule: str | None = None, office: int | None = None) -> Series:
        """The figures of a rule in an office; None for all."""
        moves, now = _of(self.moves, rule, office), _of(self.now, rule, office)
        opened, mended, closed = (self._by_night(moves, name) for name in ("opened", "mended", "closed"))
        since = np.cumsum((opened - closed)[::-1])[::-1]
        is_open = int(now["items"].sum()) - np.append(since[1:], 0)
        return Series(*(figures[:-1] for figures in (is_open, opened, mended)))

    def open_now(self, rule: str | None = None, office: int | None = None) -> int:
        """How many items are open now."""
        return int(_of(self.now, rule, office)["items"].sum())

    def median_days(self, rule: str | None = None, office: int | None = None) -> float | None:
        """In how many days the half of what was mended was mended; None where nothing was."""
        days = _of(self.mending, rule, office)["days"]
        return None if days.empty else float(days.median())

    def _by_night(self, moves: pd.DataFrame, name: str) -> Figures:
        figures = np.zeros(len(self.nights) + 1, dtype=np.int64)
        np.add.at(figures, moves["night"].to_numpy(dtype=np.int64), moves[name].to_numpy(dtype=np.int64))
        return figures


@dataclass(frozen=True)
class NeverSent:
    """Units that a vendor never got, although runs wanted to send them; as of the last run that had each in scope."""

    vendor: str
    office_id: int | None
    office_name: str | None
    units: int


def read_trends(ledger: Ledger, scope: Scope, count: int = NIGHTS) -> Trends:
    """What the last nights have changed, of the items in these offices."""
    nights = sa.select(run.c.finished_at, run.c.as_of).where(
        *matching(run, dag_id=NIGHT, status="success"), run.c.dry_run.is_(False), run.c.finished_at.is_not(None)
    )
    latest = ledger.rows(nights.order_by(run.c.finished_at.desc()).limit(count + 1))[::-1]
    before = latest[0]["finished_at"] if len(latest) > count else datetime.min
    shown = latest[-count:]
    ends = np.array([row["finished_at"] for row in shown], dtype="datetime64[us]")
    moves = _moves(ledger, scope, before)
    at = pd.to_datetime(moves["at"]).to_numpy(dtype="datetime64[us]")
    offices = sa.select(work_unit.c.office_id, work_unit.c.office_name).where(is_visible(scope)).distinct()
    return Trends(
        [row["as_of"] for row in shown],
        moves.assign(night=np.searchsorted(ends, at)),
        _open_now(ledger, scope),
        _mending(ledger, scope, before),
        ledger.mapping(offices.where(work_unit.c.office_id.is_not(None)).order_by(work_unit.c.office_name)),
    )


def count_never_sent(ledger: Ledger, scope: Scope) -> list[NeverSent]:
    """By vendor and office, how many units were never sent: they have no record there, and their last run held them."""
    by = (unit_state.c.vendor, work_unit.c.office_id, work_unit.c.office_name)
    counted = _never_sent(scope, *by, sa.func.count().label("units")).group_by(*by)
    return ledger.read_as(NeverSent, counted.order_by(unit_state.c.vendor, work_unit.c.office_name))


def list_never_sent(ledger: Ledger, scope: Scope, vendor: str, limit: int = 200) -> list[dict[str, Any]]:
    """unit_key, household_name, head_name, office_name, outcome of units that a vendor never got."""
    names = [work_unit.c[name] for name in ("household_name", "head_name", "office_name")]
    found = _never_sent(scope, unit_state.c.unit_key, *names, unit_state.c.outcome)
    mine = found.where(unit_state.c.vendor == vendor).order_by(work_unit.c.names, unit_state.c.unit_key)
    return [{**row} for row in ledger.rows(mine.limit(limit))]


def _never_sent(scope: Scope, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    is_linked = sa.exists().where(link.c.vendor == unit_state.c.vendor, link.c.unit_key == unit_state.c.unit_key)
    return (
        sa.select(*columns)
        .select_from(unit_state.outerjoin(work_unit, work_unit.c.unit_key == unit_state.c.unit_key))
        .where(unit_state.c.outcome.in_(_NOT_SENT), ~is_linked, is_visible(scope))
    )


def _moves(ledger: Ledger, scope: Scope, since: datetime) -> pd.DataFrame:
    """at, rule_id, office_id, opened, mended, closed. The events of a run have one time: they are one row a rule."""
    kind = work_item_event.c.kind
    sums = {"opened": ("opened", "reopened"), "mended": (MENDED,), "closed": (MENDED, ENDED)}
    by = (work_item_event.c.at, work_item.c.rule_id, work_unit.c.office_id)
    counted = [sa.func.sum(sa.case((kind.in_(kinds), 1), else_=0)).label(name) for name, kinds in sums.items()]
    events = (
        sa.select(*by, *counted)
        .select_from(_items_with(work_item_event, work_item_event.c.item_id == work_item.c.item_id))
        .where(work_item_event.c.at > since, kind.in_(("opened", "reopened", MENDED, ENDED)), is_visible(scope))
    )
    return ledger.frame(events.group_by(*by))


def _open_now(ledger: Ledger, scope: Scope) -> pd.DataFrame:
    by = (work_item.c.rule_id, work_unit.c.office_id)
    items = work_item.outerjoin(work_unit, work_unit.c.unit_key == work_item.c.unit_key)
    is_open = sa.select(*by, sa.func.count().label("items")).select_from(items)
    return ledger.frame(is_open.where(work_item.c.state != MENDED, is_visible(scope)).group_by(*by))


def _mending(ledger: Ledger, scope: Scope, since: datetime) -> pd.DataFrame:
    """rule_id, office_id, days between the opening of an item and the check that proved it mended."""
    closing, opening = work_item_event.alias(), work_item_event.alias()
    its = (opening.c.item_id == closing.c.item_id, opening.c.event_id < closing.c.event_id)
    opened = sa.select(sa.func.max(opening.c.at)).where(*its, opening.c.kind.in_(("opened", "reopened")))
    times = (closing.c.at.label("until"), opened.scalar_subquery().label("since"))
    found = ledger.frame(
        sa.select(work_item.c.rule_id, work_unit.c.office_id, *times)
        .select_from(_items_with(closing, closing.c.item_id == work_item.c.item_id))
        .where(closing.c.kind == MENDED, closing.c.at > since, is_visible(scope))
    )
    days = (pd.to_datetime(found.pop("until")) - pd.to_datetime(found.pop("since"))) / pd.Timedelta(days=1)
    return found.assign(days=days)


def _items_with(events: sa.FromClause, its: sa.ColumnElement[bool]) -> sa.FromClause:
    return events.join(work_item, its).outerjoin(work_unit, work_unit.c.unit_key == work_item.c.unit_key)


def _of(rows: pd.DataFrame, rule: str | None, office: int | None) -> pd.DataFrame:
    if rule is not None:
        rows = rows[rows["rule_id"] == rule]
    return rows if office is None else rows[rows["office_id"] == office]
