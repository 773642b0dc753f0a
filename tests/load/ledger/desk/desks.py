"""A ledger in which runs find what a test says, and the laws of its items."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.load.ledger import findings, runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.desk.units import LABELS
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from include.report.run.comparison import compare_findings

VENDORS = ("emoney", "profiles")
NIGHT, BY_HAND = "weeknight_refresh", "household_sync"
BEGINNING = datetime(2026, 1, 1, 22)

# vendor, unit, rule, record (entity:id), severity, field
Found = tuple[str, str, str, str, str, str | None]


def found(unit: str, rule: str = "DEM-NAME", record: str = "contact:1", **more: str) -> list[Found]:
    """A finding at one vendor, or at both."""
    vendors = [more["vendor"]] if "vendor" in more else VENDORS
    return [(vendor, unit, rule, record, more.get("severity", "critical"), more.get("field")) for vendor in vendors]


@dataclass
class Nights:
    """Runs one after another; each finds what it is given in the units that it looks at."""

    ledger: Ledger
    count: int = 0
    dags: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return BEGINNING + timedelta(days=self.count)

    def run(
        self,
        *found: Iterable[Found],
        units: Collection[str] = ("H1", "H2", "C3"),
        dag_id: str = NIGHT,
        dry_run: bool = False,
        failed: Collection[str] = (),
        through: Collection[str] = VENDORS,
        labels: pd.DataFrame | None = None,
    ) -> str:
        """Begins a run and closes it; ``failed``: its units that failed; ``through``: vendors that were not stopped."""
        self.count += 1
        run_id = f"run-{self.count}"
        self.dags[run_id] = dag_id
        runs.start_run(self.ledger, run_id, dag_id, self.now().date(), None, dry_run, {})
        for vendor in VENDORS:
            watermark = self.now() if dag_id == NIGHT else None
            runs.plan_vendor(self.ledger, run_id, vendor, watermark, len(units))
            ended = (Outcome(vendor, key, "failed" if key in failed else "unchanged") for key in units)
            runs.save_outcomes(self.ledger, run_id, ended)
        self.close(run_id, *found, through=() if dry_run else through, labels=labels)
        return run_id

    def close(
        self,
        run_id: str,
        *found: Iterable[Found],
        through: Collection[str] = VENDORS,
        labels: pd.DataFrame | None = None,
    ) -> None:
        """Closes a run, perhaps once more, with what it has found in its units."""
        outcomes = runs.read_outcomes(self.ledger, run_id)
        seen = outcomes.loc[outcomes["outcome"] != "failed", ["vendor", "unit_key"]]
        looked_at = set(seen.itertuples(index=False, name=None))
        before = pd.concat(
            [
                findings.read_findings_before(
                    self.ledger, run_id, vendor, outcomes.loc[outcomes["vendor"] == vendor, "unit_key"]
                )
                for vendor in VENDORS
            ],
            ignore_index=True,
        )
        rows = [_row(one) for some in found for one in some if one[:2] in looked_at]
        now = pd.DataFrame(rows, columns=findings.COLUMNS, dtype="object")
        told = compare_findings(before, now, seen)
        states: dict[str, list[Mapping[str, Any]]] = {vendor: [] for vendor in through}
        closing = Closing("success", findings=told, states=states, labels=labels)
        close_run(self.ledger, run_id, closing, self.now())

    def items(self) -> list[dict[str, Any]]:
        return rows_of(self.ledger, "SELECT * FROM work_item_v ORDER BY item_id")

    def events(self, *kinds: str) -> list[tuple[Any, ...]]:
        rows = rows_of(self.ledger, "SELECT * FROM work_item_event_v ORDER BY event_id")
        return [(row["unit_key"], row["kind"], row["run_id"]) for row in rows if not kinds or row["kind"] in kinds]


def _row(one: Found) -> tuple[Any, ...]:
    vendor, unit, rule, record, severity, field = one
    return (vendor, unit, rule, severity, *record.split(":"), field, f"{rule} is {severity}.", "Mend it.")


def labelled(*units: tuple[str, str, int, str], contacts: str = "") -> pd.DataFrame:
    """Labels of units: key, name of the household, number of the office, advisor."""
    rows = [
        (key, name, f"Head of {name}", office, f"Office {office}", advisor, contacts or key[1:])
        for key, name, office, advisor in units
    ]
    return pd.DataFrame(rows, columns=LABELS)


def rows_of(ledger: Ledger, sql: str) -> list[dict[str, Any]]:
    with ledger.read() as connection:
        return [dict(row) for row in connection.execute(sa.text(sql)).mappings()]


def check_laws(ledger: Ledger) -> None:
    """Open items are the open findings by unit, rule and record; each item opens and closes in turn."""
    stands: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for row in rows_of(ledger, "SELECT * FROM open_finding_v"):
        key = (row["unit_key"], row["rule_id"], row["entity"] or "", row["entity_id"] or "")
        about = stands.setdefault(key, {"vendors": set(), "severities": set()})
        about["vendors"].add(row["vendor"])
        about["severities"].add(row["severity"])
    worst = ("critical", "warning", "info")
    expected = {
        key: (" ".join(sorted(one["vendors"])), min(one["severities"], key=worst.index)) for key, one in stands.items()
    }
    items = rows_of(ledger, "SELECT * FROM work_item_v")
    is_open = {
        (row["unit_key"], row["rule_id"], row["entity"], row["entity_id"]): (row["vendors"], row["severity"])
        for row in items
        if row["state"] != "mended"
    }
    assert is_open == expected
    assert len({(row["unit_key"], row["rule_id"], row["entity"], row["entity_id"]) for row in items}) == len(items)
    for item in items:
        _check_alternation(ledger, item)


def _check_alternation(ledger: Ledger, item: Mapping[str, Any]) -> None:
    events = rows_of(ledger, f"SELECT kind FROM work_item_event WHERE item_id = {item['item_id']} ORDER BY event_id")
    kinds = [event["kind"] for event in events if event["kind"] in ("opened", "reopened", "mended", "ended")]
    assert kinds[0] == "opened"
    assert "opened" not in kinds[1:]
    assert all((one == "reopened") == (before in ("mended", "ended")) for before, one in pairwise(kinds))
    assert item["times_opened"] == sum(kind in ("opened", "reopened") for kind in kinds)
    is_closed = kinds[-1] in ("mended", "ended")
    assert (item["state"] == "mended") == is_closed
    assert (item["closed_run"] is not None) == (item["closed_at"] is not None) == is_closed


def day(number: int) -> date:
    return (BEGINNING + timedelta(days=number)).date()
