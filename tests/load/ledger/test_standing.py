"""What repeats is written once: over any history the views say the same as if every run had written every row."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from etl.load.ledger import findings, links, runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.desk import items
from etl.load.ledger.links import Link
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from include.report.run.comparison import compare_findings
from tests.load.ledger.desk.desks import check_laws

VENDORS = ("emoney", "profiles")
UNITS = [f"H{number}" for number in range(1, 13)]
NIGHT, BY_HAND = "weeknight_refresh", "household_sync"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url())
    made.migrate()
    for vendor in VENDORS:
        for key in UNITS:
            linked = Link(key, f"{vendor}-{key}", None, None, None, None, "CREATED")
            made.commit(links.linked(made, vendor, linked))
    yield made
    made.engine.dispose()


@dataclass
class History:
    """Runs over a ledger, and beside it what each of them decided, row by row."""

    ledger: Ledger
    chance: random.Random
    outcomes: dict[tuple[str, str, str], tuple[Any, ...]] = field(default_factory=dict)
    found: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    ended: list[tuple[str, bool]] = field(default_factory=list)
    data: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    runs: int = 0

    def run(self, dag_id: str, dry_run: bool = False) -> None:
        """Begins a run, saves its outcomes in several calls, looks at the views, and closes it."""
        self.runs += 1
        run_id = f"run-{self.runs}"
        runs.start_run(self.ledger, run_id, dag_id, date(2026, 1, 1), None, dry_run, {})
        many = dag_id == NIGHT
        for vendor in VENDORS:
            units = [key for key in UNITS if self.chance.random() < 0.9] if many else [self.chance.choice(UNITS)]
            is_whole = many and self.chance.random() < 0.8
            runs.plan_vendor(self.ledger, run_id, vendor, datetime(2026, 1, 1) if is_whole else None, len(units))
            self._load(run_id, vendor, units)
        if self.chance.random() < 0.2 and many:
            self.run(BY_HAND)  # a run by hand meanwhile
        if self.chance.random() < 0.2 and self.ended:
            self.again()  # meanwhile a part of an earlier run is started again
        self.check()
        self.close(run_id, dry_run)

    def _load(self, run_id: str, vendor: str, unit_keys: list[str]) -> None:
        some = self.chance.randint(0, len(unit_keys))
        for part in (unit_keys[:some], unit_keys[some:], unit_keys[: some // 2]):
            ended = [self._ends(vendor, key) for key in part]
            runs.save_outcomes(self.ledger, run_id, ended)
            for one in ended:
                mine = run_id, vendor, one.unit_key
                was_written = self.outcomes.get(mine, ("",))[0] in ("created", "updated")
                if not (was_written and one.outcome == "unchanged"):
                    self.outcomes[mine] = (one.outcome, one.reason, one.vendor_id)

    def _ends(self, vendor: str, key: str) -> Outcome:
        how = self.chance.choices(("unchanged", "held", "updated", "failed", "created"), (60, 20, 10, 5, 5))[0]
        reason = {"held": self.chance.choice(("DEM-NAME", "HH-HEAD")), "failed": "HTTP 500"}.get(how)
        return Outcome(vendor, key, how, reason, None if reason else f"{vendor}-{key}")

    def close(self, run_id: str, dry_run: bool = False) -> None:
        """Closes a run, perhaps once more: finds what is wrong, compares it with what stood open."""
        mine = {key: one for key, one in self.outcomes.items() if key[0] == run_id}
        looked_at = [(vendor, key) for _, vendor, key in mine]
        seen = [one for one in looked_at if mine[run_id, *one][0] != "failed"]
        before = pd.concat(
            [
                findings.read_findings_before(self.ledger, run_id, vendor, [key for v, key in looked_at if v == vendor])
                for vendor in VENDORS
            ],
            ignore_index=True,
        )
        found = self._found(looked_at)
        told = compare_findings(before, found, pd.DataFrame(seen, columns=["vendor", "unit_key"], dtype="str"))
        stopped = self.chance.choice(VENDORS) if self.chance.random() < 0.1 else None
        through = () if dry_run else [vendor for vendor in VENDORS if vendor != stopped]
        states = {vendor: [] for vendor in through}
        close_run(self.ledger, run_id, Closing("success", findings=told, states=states))
        kept = told[[*findings.COLUMNS, "status"]].astype(object)
        self.found[run_id] = list(kept.where(kept.notna(), None).itertuples(index=False, name=None))
        self.ended.append((run_id, dry_run))

    def _found(self, looked_at: list[tuple[str, str]]) -> pd.DataFrame:
        """What the rules find: mostly what they found the last time; a rule can find two things at one record."""
        rows = []
        for vendor, key in looked_at:
            if self.chance.random() < 0.2:
                rules = self.chance.sample(("DEM-NAME", "DEM-SPARSE", "ACC-NET"), self.chance.randint(0, 3))
                self.data[vendor, key] = [(rule, self.chance.choice("ab")) for rule in rules]
                if rules and self.chance.random() < 0.3:
                    self.data[vendor, key].append((rules[0], "c"))
            for rule, words in self.data.get((vendor, key), []):
                rows.append((vendor, key, rule, "info", "contact", "1", None, f"It is {words}.", "Mend it."))
        return pd.DataFrame(rows, columns=findings.COLUMNS, dtype="object")

    def again(self) -> None:
        """A load that was started again after its run had been closed, and the second closing."""
        run_id, dry_run = self.chance.choice(self.ended[-3:])
        for vendor in VENDORS:
            mine = [key for run, its, key in self.outcomes if (run, its) == (run_id, vendor)]
            self._load(run_id, vendor, [key for key in mine if self.chance.random() < 0.5])
        self.check_outcomes()
        self.close(run_id, dry_run)

    def forget(self) -> None:
        """A link is ended or moved: nothing of the unit is open any more."""
        with self.ledger.write() as connection:
            items.withdraw(self.ledger, connection, [self.chance.choice(UNITS)], "unlink")

    def check(self) -> None:
        self.check_outcomes()
        expected = Counter((run_id, *row) for run_id, rows in self.found.items() for row in rows)
        assert Counter(self.rows("finding_v", "run_id", *findings.COLUMNS, "status")) == expected
        check_laws(self.ledger)

    def check_outcomes(self) -> None:
        expected = Counter((*key, *one) for key, one in self.outcomes.items())
        names = ("run_id", "vendor", "unit_key", "outcome", "reason", "vendor_id")
        assert Counter(self.rows("outcome_v", *names)) == expected
        counts = Counter((run_id, vendor, one[0]) for (run_id, vendor, _), one in self.outcomes.items())
        counted = {row[:3]: int(row[3]) for row in self.rows("outcome_count_v", "run_id", "vendor", "outcome", "units")}
        assert counted == counts

    def rows(self, view: str, *names: str) -> list[tuple[Any, ...]]:
        with self.ledger.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(f"SELECT {', '.join(names)} FROM {view}"))]


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 12))])
def test_the_views_say_the_same_as_if_every_row_were_written(ledger: Ledger, seed: int) -> None:
    history = History(ledger, random.Random(seed))
    for _ in range(12):
        if history.chance.random() < 0.4:
            history.forget()
        kind = history.chance.random()
        if kind < 0.2 and history.ended:
            history.again()
        else:
            history.run(BY_HAND if kind < 0.4 else NIGHT, dry_run=kind > 0.9)
        history.check()
    stands = [
        name for name in ("outcome", "finding") if history.rows(f"{name} WHERE stands_from IS NOT NULL", "run_id")
    ]
    assert stands == ["outcome", "finding"]
