"""What the next night would do, as the last forecast said: the units that would not end unchanged.

A forecast is a dry run of the night. Its units stand beside the labels by which people find them. When a forecast is
kept, the runs of all earlier ones are forgotten: nobody asks what was going to happen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.ledger.desk.units import Scope
from etl.load.ledger.retention import NIGHT
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import (
    field_change,
    finding,
    forecast,
    forecast_unit,
    load_finding,
    outcome,
    repeated,
    run,
    run_stop,
    run_vendor,
)
from etl.outcomes import DONE

FORECAST = "tonight_forecast"
# In the order in which a page shows them.
SHOWN = ("held", "failed", "deferred", "skipped", "created", "updated")
_OF_A_RUN = (outcome, repeated, finding, field_change, load_finding, run_vendor, run_stop, run)


@dataclass(frozen=True)
class Forecast:
    """The last forecast. ``counts``: vendor -> outcome -> units; ``has_come``: the night has begun since."""

    run_id: str
    as_of: date
    made_at: datetime
    counts: Mapping[str, Mapping[str, int]]
    has_come: bool


@dataclass(frozen=True)
class Named:
    """A unit that the forecast names. ``is_mended``: a run has brought it to this vendor since."""

    vendor: str
    unit_key: str
    outcome: str
    reason: str | None
    code: str | None
    household_name: str
    head_name: str
    office_id: int | None
    office_name: str
    advisor: str
    is_mended: bool = False


def keep_forecast(ledger: Ledger, run_id: str, as_of: date, outcomes: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Keeps a forecast in place of the one before, and forgets the runs of earlier ones.

    ``outcomes``: vendor, unit_key, outcome, reason, code; ``labels``: unit_key, household_name, head_name, office_id,
    office_name, assigned_user of its units.
    """
    counts: dict[str, dict[str, int]] = {}
    for (vendor, kind), units in Counter(zip(outcomes["vendor"], outcomes["outcome"], strict=True)).items():
        counts.setdefault(vendor, {})[kind] = units
    named = outcomes[outcomes["outcome"] != "unchanged"].merge(
        labels.rename(columns={"assigned_user": "advisor"}).drop_duplicates("unit_key"), on="unit_key", how="left"
    )
    texts = ["household_name", "head_name", "office_name", "advisor"]
    named[texts] = named[texts].fillna("")
    names = [column.name for column in forecast_unit.columns]
    named = named[names].astype(object)
    rows = [dict(zip(names, row, strict=True)) for row in named.where(named.notna(), None).itertuples(index=False)]
    with ledger.write() as connection:
        for table in (forecast, forecast_unit):
            connection.execute(sa.delete(table))
        row = {"run_id": run_id, "as_of": as_of, "made_at": ledger.now(), "counts": json.dumps(counts)}
        ledger.insert(connection, forecast, [row])
        ledger.insert(connection, forecast_unit, rows)
        _forget_earlier(connection, run_id)


def find_forecast(ledger: Ledger) -> Forecast | None:
    """The last forecast; None where there is none yet."""
    found = ledger.rows(sa.select(forecast))
    if not found:
        return None
    row = found[0]
    nights = sa.select(run.c.run_id).where(
        run.c.dag_id == NIGHT, run.c.dry_run.is_(False), run.c.started_at > row["made_at"], run.c.as_of >= row["as_of"]
    )
    has_come = ledger.first(nights.where(sa.exists().where(_is_night(run.c.run_id)))) is not None
    return Forecast(row["run_id"], row["as_of"], row["made_at"], json.loads(row["counts"]), has_come)


def read_units(
    ledger: Ledger, scope: Scope, kind: str, office_id: int | None = None, limit: int = 100, offset: int = 0
) -> list[Named]:
    """A page of the units that would end so, by office and name."""
    unit = forecast_unit.c
    flag = sa.cast(_is_mended(), sa.Boolean).label("is_mended")
    found = sa.select(*(unit[name] for name in Named.__dataclass_fields__ if name in unit), flag).where(
        *_chosen(scope, office_id), unit.outcome == kind
    )
    ordered = found.order_by(unit.office_name, unit.household_name, unit.unit_key, unit.vendor)
    return ledger.read_as(Named, ordered.limit(limit).offset(offset))


def count_units(ledger: Ledger, scope: Scope) -> dict[tuple[int | None, str], dict[str, int]]:
    """(office, its name) -> outcome -> entries of units and vendors that no run has mended since."""
    by = (forecast_unit.c.office_id, forecast_unit.c.office_name, forecast_unit.c.outcome)
    counted = sa.select(*by, sa.func.count().label("units")).where(*_chosen(scope, None), sa.not_(_is_mended()))
    counts: dict[tuple[int | None, str], dict[str, int]] = {}
    for row in ledger.rows(counted.group_by(*by).order_by(*by)):
        counts.setdefault((row["office_id"], row["office_name"]), {})[row["outcome"]] = row["units"]
    return counts


def _chosen(scope: Scope, office_id: int | None) -> list[sa.ColumnElement[bool]]:
    visible = sa.true() if scope is None else forecast_unit.c.office_id.in_(scope)
    return [visible, sa.true() if office_id is None else forecast_unit.c.office_id == office_id]


def _is_mended() -> sa.ColumnElement[bool]:
    """Whether a run has brought the unit to the vendor since the forecast was made."""
    later = sa.select(run.c.run_id).join(forecast, run.c.started_at >= forecast.c.made_at)
    return sa.exists().where(
        outcome.c.vendor == forecast_unit.c.vendor, outcome.c.unit_key == forecast_unit.c.unit_key,
        outcome.c.outcome.in_(DONE), outcome.c.run_id.in_(later.where(run.c.dry_run.is_(False))),
    )  # fmt: skip


def _is_night(run_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the run has looked at all that was due."""
    return sa.and_(run_vendor.c.run_id == run_id, run_vendor.c.watermark.is_not(None))


def _forget_earlier(connection: Connection, run_id: str) -> None:
    earlier = sa.select(run.c.run_id).where(run.c.dag_id == FORECAST, run.c.run_id != run_id)
    for table in _OF_A_RUN:
        connection.execute(sa.delete(table).where(table.c.run_id.in_(earlier)))
