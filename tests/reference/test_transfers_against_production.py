"""The plan of a transfer against the slow, obvious model of its rules, over random offices and random sets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from etl.extract.office import read_rows, read_surroundings, read_target
from etl.extract.source import Snapshot
from etl.transform.transfers.contract import Plan, Request
from etl.transform.transfers.planning import plan
from tests.reference.offices import SOURCE, TARGET, random_office, write
from tests.reference.transfers import Office, decide

SEEDS = range(25)


def production(office: Office, folder: Path) -> Plan:
    url = f"sqlite:///{folder / 'crm.db'}"
    write(office, url)
    with Snapshot(url) as snapshot:
        rows = read_rows(snapshot, office.chosen)
        around = read_surroundings(snapshot, rows)
        target = read_target(snapshot, TARGET)
    left_out = pd.DataFrame({"contact_id": pd.array(sorted(office.left_out), dtype="Int64")})
    left_out = left_out.assign(rule_id="XFR-SET", reason="not accepted")
    return plan(Request(SOURCE, TARGET, left_out=left_out), rows, around, target)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_plan_decides_each_row_as_the_rule_book_does(seed: int, tmp_path: Path) -> None:
    office = random_office(seed)
    expected = decide(office)
    manifest = production(office, tmp_path).manifest
    assert not manifest.duplicated(["entity", "entity_id"]).any()
    decided = {
        (entity, entity_id): decision != "stay"
        for entity, entity_id, decision in zip(
            manifest["entity"], manifest["entity_id"], manifest["decision"], strict=True
        )
    }
    assert sorted(expected.keys() - decided.keys()) == []
    differ = {key: (moves, decided[key]) for key, moves in expected.items() if moves != decided[key]}
    assert differ == {}


def test_both_sides_of_every_table_are_met() -> None:
    met: dict[str, set[bool]] = {}
    for seed in SEEDS:
        for (table, _), moves in decide(random_office(seed)).items():
            met.setdefault(table, set()).add(moves)
    only_stay = {table for table, sides in met.items() if sides == {False}}
    assert only_stay == {
        "lead", "referred_contact", "event_invitation", "presale_activity", "contact_set_member", "asset_allocation",
        "account_performance", "commission",
    }  # fmt: skip
