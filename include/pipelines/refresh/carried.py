"""Carried units: what a night would do again is not done again.

A unit in scope is carried at a vendor where all that its verdict rests on is as it was when a night last dealt with it:

- its rows in the CRM (SCP-4),
- the *basis* that all verdicts share: the code, the settings and the rows of the CRM that units share,
- its *standing* at the vendor: its link, and what was last sent,
- no payment of a loan has fallen due since, and nobody was born since (LIA-COMPUTED, LIA-DRIFT, LIA-TERM,
  DEM-BIRTH-DATE),
- it was sent, or held or skipped by rules that look at nothing else, and no other unit stands in its way.

It is neither read, built nor checked: its outcome and its findings stand, and its line goes into the feed with the new
date. A night that carries equals a night that does not; `tests/pipelines/refresh/test_carried.py` holds it to that.

Stage ``plan/carried``, a table for each vendor: unit_key, shard, outcome, reason, code, standing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from etl.extract.broken_rows import read_twice
from etl.extract.census import Census
from etl.extract.scope import read_loans
from etl.extract.shard import read_heads, read_shared
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among, each_row, empty
from etl.load.job import Job
from etl.load.ledger import feeds, findings, identities, intents, links, pins, runs
from etl.load.ledger.desk import decisions, waivers
from etl.load.ledger.feeds import Line
from etl.load.ledger.runs import Outcome
from etl.load.ledger.transfers import rekeying
from etl.outcomes import DONE
from etl.transform.arrays import NULL
from etl.transform.rules.liabilities import payments_by
from etl.values import VENDOR_LICENSES
from expectations import rules
from include import ROOT
from include.pipelines.identity import same_person
from include.pipelines.identity.link_ownership import read_taken_over
from include.pipelines.identity.merged import read_waiting
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import OF_THE_CASE, OF_THE_LOAD, WAITING

STAGE = "plan/carried"
COLUMNS = ("unit_key", "outcome", "reason", "code", "standing")
# Everything that a verdict is made by.
CODE = ("etl", "expectations", "include/pipelines", "requirements.txt")


@dataclass(frozen=True)
class Grounds:
    """What tonight's verdicts rest on, beside each unit's own rows.

    ``loans``: as `read_loans` gives them; ``people``: unit (a number), contact_id; ``births``: contact_id, birth_date.
    """

    basis: int
    loans: pd.DataFrame
    people: pd.DataFrame
    births: pd.DataFrame

    @property
    def computed(self) -> pd.Index:
        """The numbers of the units with a figure that is computed as of the run's date (LIA-COMPUTED)."""
        return pd.Index(self.loans.loc[self.loans["is_computed"].astype(bool), "unit"].unique())

    def moved(self, since: pd.Series, as_of: date) -> pd.Index:
        """The units that a new date may change; ``since``: the date of the last verdict, by unit number."""
        loans = self.loans.assign(since=self.loans["unit"].map(since))
        moved = [pd.Index([], dtype="int64")]
        for day in loans["since"].dropna().unique():
            of_day = loans[loans["since"] == day]
            then, now = (payments_by(of_day, until) for until in (day, as_of))
            is_other = np.where(of_day["calculate"].astype(bool), then != now, (then == NULL) != (now == NULL))
            moved.append(pd.Index(of_day.loc[is_other, "unit"]))
        young = self.births[self.births["birth_date"] > pd.Timestamp(min(since, default=as_of))]
        births = self.people.merge(young, on="contact_id")
        is_future = births["birth_date"] > pd.to_datetime(births["unit"].map(since))
        moved.append(pd.Index(births.loc[is_future & (births["birth_date"] <= pd.Timestamp(as_of)), "unit"]))
        return pd.Index(np.concatenate(moved)).unique()


def read_grounds(context: RunContext, snapshot: Snapshot, census: Census, people: pd.DataFrame) -> Grounds:
    """The grounds of this night; ``people``: the identities of all contacts."""
    births = people[["contact_id", "birth_date"]]
    return Grounds(read_basis(context, snapshot), read_loans(snapshot, census), census.people, births)


def read_basis(context: RunContext, snapshot: Snapshot) -> int:
    """A hash of what all verdicts rest on: where it is another than last time, every unit is due."""
    settings = {
        "service": context.settings.service.user,
        "users": context.vendor_users,
        "severities": context.overrides,
        "moved": rekeying.moved_names(context.ledger),
    }
    rows = {f"shared {name}": _digest_of(table) for name, table in read_shared(snapshot).items()}
    rows |= {f"twice {name}": _digest_of(table) for name, table in read_twice(snapshot).items()}
    content = orjson.dumps([_code(), settings, rows], option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


@cache
def _code() -> str:
    """A hash of the code and of the libraries' versions; within a process neither changes."""
    hashed = hashlib.blake2b()
    for place in (ROOT / name for name in CODE):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in (".py", ".csv", ".txt"):
                hashed.update(path.read_bytes())
    return hashed.hexdigest()


def _digest_of(rows: pa.Table) -> int:
    """The same for the same rows in any order."""
    frame = to_frame(rows)
    hashes = pd.util.hash_pandas_object(frame.astype(object).where(frame.notna(), ""), index=False, categorize=False)
    return int(hashes.sum())


def always_due(context: RunContext, vendor: str) -> set[str]:
    """SCP-4: the units that a night looks at in any case: for a write in doubt, or for what a person decided."""
    ledger = context.ledger
    due = intents.units_in_doubt(ledger, vendor) | waivers.units_to_look_at(ledger, vendor, context.request.as_of)
    if vendor == "profiles":
        due |= pins.units_always_written(ledger) | decisions.units_to_look_at(ledger)
    return due


def find_unsettled(context: RunContext, vendor: str, census: Census, linked: pd.DataFrame) -> set[str]:
    """The units in whose way another unit, another contact or a person stands, or stood in the last night.

    ``linked``: as `links.read_links_of` gives it.
    """
    ledger = context.ledger
    unsettled = {*always_due(context, vendor), *identities.unlinked(ledger, vendor)}
    unsettled |= {*same_person.read_waiting(context, vendor)["unit_key"]}
    unsettled |= {*read_waiting(context, vendor)["unit_key"], *read_taken_over(context, vendor)}
    # What a load has found ends with the next one, unless it stands until the case is merged or the item is linked.
    passing = [rule for rule in OF_THE_LOAD if rule not in (*OF_THE_CASE, WAITING)]
    unsettled |= findings.units_with(ledger, context.request.run_id, vendor, passing)
    merged = [int(key.partition(":")[2]) for key in rekeying.merged_names(ledger)]
    units = census.units
    known_otherwise = census.units_of(pd.Series(merged, dtype="int64")) if merged else units.index[:0]
    # The clients of units without a link who stand in another unit's record (LIFE-EVENT).
    fresh = units[~are_among(units["unit_key"], linked["unit_key"])]
    standing = pd.concat([linked["client_contact_id"], linked["spouse_contact_id"]]).dropna()
    elsewhere = fresh.loc[fresh["client_contact_id"].isin(standing), "unit_key"]
    return unsettled | {*units.loc[known_otherwise, "unit_key"], *elsewhere}


def choose(
    context: RunContext,
    vendor: str,
    units: pd.Series,
    states: pd.DataFrame,
    grounds: Grounds,
    due: Iterable[str],
) -> pd.DataFrame:
    """`COLUMNS` of the units that are carried; index = unit number.

    ``units``: the keys of those in scope, by number; ``states``: as `runs.read_unit_states` gives them; ``due``: the
    units that changed or are unsettled.
    """
    as_of = context.request.as_of
    standing = links.read_standings(context.ledger, vendor, units.tolist()).set_axis(units.index)
    known = states.set_index("unit_key").reindex(units).set_axis(units.index).assign(unit_key=units)
    repeated = {code for code in known["code"].dropna().unique() if _is_repeated(vendor, code)}
    ended = known["outcome"]
    stays = (ended.isin(DONE) & standing["is_whole"]) | (
        ended.isin(["held", "skipped"]) & known["code"].isin(list(repeated))
    )
    stays &= known["basis"].eq(grounds.basis).fillna(False) & known["standing"].eq(standing["standing"]).fillna(False)
    stays &= ~are_among(units, due) & known["as_of"].map(lambda day: day <= as_of, na_action="ignore").eq(True)
    carried = known[stays.to_numpy(dtype=bool)]
    return carried.loc[~carried.index.isin(grounds.moved(carried["as_of"], as_of)), list(COLUMNS)]


def _is_repeated(vendor: str, code: str) -> bool:
    """Whether these rules look at nothing but the unit's rows and the basis: those of the gate, and of licenses."""
    licenses = {"LIC-ENABLED", VENDOR_LICENSES[vendor][1]}
    return all(one in licenses or (one in rules.RULES and rules.RULES[one].checks) for one in re.split(r",\s*", code))


def with_witnesses(carried: pd.DataFrame, shards: pd.Series) -> pd.DataFrame:
    """The carried units without the first of each shard in which others are due.

    A step that breaks over all units that it is given stops the run: one that is known to pass tells it that the others
    are to blame. ``shards``: of all units in scope, by number.
    """
    is_due = ~shards.index.isin(carried.index)
    shard = shards.reindex(carried.index)
    is_witness = carried["outcome"].isin(DONE) & shard.isin(shards[is_due].unique())
    first = shard[is_witness].drop_duplicates().index
    return carried.drop(index=first)


def stage(context: RunContext, carried: Mapping[str, pd.DataFrame], shards: pd.Series) -> None:
    """Stages the carried units of each vendor, with their shards."""
    rows = {vendor: found.assign(shard=shards.reindex(found.index)) for vendor, found in carried.items()}
    context.staging.write(STAGE, rows)


def stage_labels(context: RunContext, snapshot: Snapshot, census: Census, carried: Mapping[str, pd.DataFrame]) -> None:
    """Stages by what people find those carried units that the report names, as for the units that are built."""
    from include.pipelines.refresh.transform import labels_of

    named: set[int] = set()
    for vendor, rows in carried.items():
        found = findings.read_open_findings(context.ledger, vendor)["unit_key"]
        named |= {*rows.index[are_among(rows["unit_key"], found) | rows["reason"].notna()]}
    if named:
        frames = read_heads(snapshot, census.units.loc[sorted(named)])
        labels = labels_of({name: to_frame(rows) for name, rows in frames.items()})
        context.staging.write("labels/carried", {"labels": labels})


def read_carried(context: RunContext, vendor: str) -> pd.DataFrame:
    """unit_key, shard, outcome, reason, code, standing of a vendor's carried units."""
    tables = context.staging.read(STAGE) if context.staging.has(STAGE) else {}
    return tables.get(vendor, empty((*COLUMNS, "shard")))


def ended_as_before(carried: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Series:
    """The keys of the carried units whose last outcome this run has repeated; ``outcomes``: a vendor's, of the run."""
    ended = carried["unit_key"].map(outcomes.set_index("unit_key")["outcome"])
    repeated = carried["outcome"].mask(carried["outcome"].isin(DONE), "unchanged")
    return carried.loc[(ended == repeated).to_numpy(dtype=bool), "unit_key"]


def keep_carried(context: RunContext, job: Job, vendor: str, shard: int) -> dict[str, str]:
    """Saves the outcomes of the carried units of a shard; gives unit key -> outcome.

    A unit at which somebody has written since the plan is deferred: the next run takes it.
    """
    carried = _of_shard(context, vendor, shard)
    if carried.empty:
        return {}
    now = links.read_standings(job.ledger, vendor, carried["unit_key"].tolist())["standing"]
    doubtful = intents.units_in_doubt(job.ledger, vendor)
    is_same = carried["standing"].eq(now.set_axis(carried.index)) & ~are_among(carried["unit_key"], doubtful)
    same, others = carried[is_same], carried.loc[~is_same, "unit_key"]
    is_done = same["outcome"].isin(DONE)
    done = same.loc[is_done, "unit_key"]
    for part in links.PARTS[vendor]:
        links.confirm_unchanged(job.ledger, vendor, part, done, job.as_of)
    clients = _clients(job, vendor, done)
    outcomes = [Outcome(vendor, key, "unchanged", None, clients[key]) for key in done]
    outcomes += [
        Outcome(vendor, row.unit_key, row.outcome, row.reason, code=row.code) for row in each_row(same[~is_done])
    ]
    why = "another run has written this household meanwhile"
    outcomes += [Outcome(vendor, key, "deferred", why) for key in others]
    runs.save_outcomes(job.ledger, job.run_id, outcomes)
    return {one.unit_key: one.outcome for one in outcomes}


def carried_lines(context: RunContext, job: Job, shard: int, outcomes: Mapping[str, str]) -> list[Line]:
    """The lines of the feed of the carried clients of a shard that have none for this date yet."""
    carried = _of_shard(context, "emoney", shard)["unit_key"]
    return feeds.kept_lines(job.ledger, _clients(job, "emoney", carried[carried.map(outcomes).isin(DONE)]), job.as_of)


def _of_shard(context: RunContext, vendor: str, shard: int) -> pd.DataFrame:
    carried = read_carried(context, vendor)
    return carried[carried["shard"] == shard]


def _clients(job: Job, vendor: str, unit_keys: pd.Series) -> dict[str, str]:
    linked = links.read_links(job.ledger, vendor, unit_keys)
    return dict(zip(linked["unit_key"], linked["vendor_client_id"], strict=True))
