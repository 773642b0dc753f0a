"""The production path over a whole CRM — extract, transform, gate — in the terms of the reference model."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from etl.extract.census import take_census
from etl.extract.scope import in_shards
from etl.extract.shard import read_shard
from etl.extract.source import Snapshot, to_frame
from etl.transform.assembly import assemble
from expectations.gate import validate
from tests.reference.compare import compare_documents
from tests.reference.model import Model, Verdict

Found = tuple[str, str, str, int]
# A figure that is not finite cannot be sent either; a policy without a product is of no kind whose figures are checked.
OVERLAPPING = {"LIA-INCOMPLETE": "ACC-MONEY", "ACC-MONEY": "POL-NAME-MISSING"}


@dataclass(frozen=True)
class Produced:
    """What production makes for one vendor. findings: unit_key → (rule_id, severity, entity, entity_id)."""

    documents: dict[str, dict[str, Any]]
    people: dict[str, tuple[int | None, int | None]]
    findings: dict[str, set[Found]]
    held: set[str]
    users: dict[str, tuple[str, set[str]]]


def read_frames(url: str) -> dict[str, pd.DataFrame]:
    """The frames of one shard that holds every unit of the CRM, all in scope of both vendors."""
    (frames,) = read_shards(url, 1_000_000)
    return frames


def read_shards(url: str, units_per_shard: int) -> list[dict[str, pd.DataFrame]]:
    """The same in shards of at most so many units."""
    shards = []
    with Snapshot(url) as snapshot:
        census = take_census(snapshot)
        for numbers in in_shards(census.units.index, units_per_shard):
            frames = {name: to_frame(table) for name, table in read_shard(snapshot, census, numbers).items()}
            shards.append(frames | {"units": frames["units"].assign(in_profiles=True, in_emoney=True)})
    return shards


def produce(vendor: str, frames: dict[str, pd.DataFrame], as_of: date) -> Produced:
    """Transform the frames and ask the gate."""
    batch = assemble(vendor, frames, as_of)
    verdict = validate(vendor, batch.facts, frames["units"]["unit_key"].to_list(), as_of=as_of)
    documents = {
        row.unit_key: json.loads(row.document, parse_float=Decimal) for row in batch.documents.itertuples(index=False)
    }
    people = {
        row.unit_key: (_id(row.client_contact_id), _id(row.spouse_contact_id))
        for row in batch.documents.itertuples(index=False)
    }
    users = {row.unit_key: (row.user_name, _names(row.missing)) for row in batch.users.itertuples(index=False)}
    return Produced(documents, people, _listed(verdict.findings), set(verdict.held["unit_key"]), users)


def find_differences(model: Model, vendor: str, produced: Produced) -> list[str]:
    """Where production and model differ for one vendor, a line each: ``unit: path or rule: …``."""
    verdicts: list[Verdict] = [getattr(model, vendor)(unit_key) for unit_key in model.unit_keys()]
    strangers = produced.documents.keys() - {verdict.unit_key for verdict in verdicts}
    lines = [f"{unit_key}: is no unit" for unit_key in sorted(strangers)]
    for verdict in verdicts:
        lines += [f"{verdict.unit_key}: {line}" for line in _unit_differences(verdict, produced)]
    return lines


def _unit_differences(verdict: Verdict, produced: Produced) -> list[str]:
    key = verdict.unit_key
    lines = compare_documents(verdict.document, produced.documents.get(key))
    if verdict.document is not None:
        people = [verdict.client_contact_id, verdict.spouse_contact_id]
        lines += compare_documents(people, list(produced.people[key]), "people")
    expected = _to_compare({tuple(each) for each in verdict.findings}, verdict)
    actual = _to_compare(produced.findings.get(key, set()), verdict)
    lines += [f"finding missing: {each}" for each in sorted(expected - actual)]
    lines += [f"finding too many: {each}" for each in sorted(actual - expected)]
    if verdict.is_held != (key in produced.held):
        lines.append(f"held: expected {verdict.is_held}, actual {key in produced.held}")
    expected_user = (verdict.license.user_name, {name for _, name in verdict.license.missing})
    if produced.users.get(key) != expected_user:
        lines.append(f"user: expected {expected_user}, actual {produced.users.get(key)}")
    return lines


def _to_compare(findings: set[Found], verdict: Verdict) -> set[Found]:
    """Without a usable head only HH-HEAD is compared; of two rules in OVERLAPPING one is enough for a record."""
    if verdict.client_contact_id is None:
        return {found for found in findings if found[0] == "HH-HEAD"}
    broken = {(rule_id, entity, number) for rule_id, _, entity, number in findings}
    return {found for found in findings if (OVERLAPPING.get(found[0]), *found[2:]) not in broken}


def _listed(findings: pd.DataFrame) -> dict[str, set[Found]]:
    """The findings by unit. Raises `AssertionError` where one is listed twice."""
    assert not findings.duplicated().any(), findings[findings.duplicated()]
    listed: dict[str, set[Found]] = defaultdict(set)
    columns = ["unit_key", "rule_id", "severity", "entity", "entity_id"]
    for unit_key, rule_id, severity, entity, number in findings[columns].itertuples(index=False, name=None):
        listed[unit_key].add((rule_id, severity, entity, int(number)))
    return listed


def _id(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _names(missing: Any) -> set[str]:
    return set() if pd.isna(missing) else {name.strip() for name in missing.split(",")}
