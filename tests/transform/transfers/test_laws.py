"""What holds of every transfer, whatever the office: the rules, nothing lost, nothing twice, in any order."""

from __future__ import annotations

import os
import pickle
import random
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import pytest

from etl import canonical
from etl.errors import BooksUnbalanced
from etl.schema import metadata
from etl.transform.transfers import Selection, plan
from etl.transform.transfers.manifest import check_books
from etl.transform.transfers.rows import TargetRows
from tests.pipelines.transfer.books import FIRST_KEY, LATER, SOURCE, TARGET, Decided, TwoOffices
from tests.pipelines.transfer.model import Model
from tests.pipelines.transfer.random_books import Maker

# Making and planning a transfer takes long, looking at it does not: all laws look at the same ones.
pytestmark = pytest.mark.xdist_group("laws")
TRANSFERS, PLANNED_AGAIN = 16, 5


@dataclass(frozen=True)
class Made:
    """A random office, a random set, who of it is left out by which rule, and the plan."""

    seed: int
    book: TwoOffices
    chosen: list[int]
    left_out: dict[int, str]
    decided: Decided

    @cached_property
    def rebuilt(self) -> TargetRows:
        """The target's new rows."""
        return self.decided.rebuilt()


def random_transfer(seed: int) -> Made:
    book = Maker(seed).make()
    dice = random.Random(seed)
    people = [row["contact_id"] for row in book.rows["contact"]]
    chosen = sorted(dice.sample(people, dice.randint(0, len(people))))
    left_out = {contact_id: "XFR-ACCEPT" for contact_id in chosen if dice.random() < 0.1}
    decided = book.planned(chosen, left_out=[(each, rule_id, "not accepted") for each, rule_id in left_out.items()])
    # As it comes it holds on to all the address space that SQLite's driver reserved, and no process could be forked.
    return Made(seed, book, chosen, left_out, pickle.loads(pickle.dumps(decided)))


@pytest.fixture(scope="module")
def transfers() -> list[Made]:
    """Other ones in every test session, but for a build server's."""
    first = 0 if os.environ.get("CI") else random.SystemRandom().randrange(2**32)
    return [random_transfer(seed) for seed in range(first, first + TRANSFERS)]


@pytest.fixture(params=range(TRANSFERS))
def made(request: pytest.FixtureRequest, transfers: list[Made]) -> Made:
    """Each of them; a test that fails shows its seed."""
    return transfers[request.param]


@pytest.fixture(params=range(PLANNED_AGAIN))
def planned_again(request: pytest.FixtureRequest, transfers: list[Made]) -> Made:
    """Some of them, for a law that takes another plan."""
    return transfers[request.param]


def same(one: Any, other: Any) -> bool:
    return all(getattr(one, name).equals(getattr(other, name)) for name in one.__dataclass_fields__)


def test_the_plan_is_what_the_rules_say_row_by_row(made: Made) -> None:
    expected = Model(made.book.rows, made.chosen, made.left_out).decide()
    manifest = made.decided.plan.manifest
    found = {(row.entity, row.entity_id): (row.decision, row.rule_id) for row in manifest.itertuples()}
    assert found == expected


def test_moved_and_left_behind_are_all_rows_and_the_input_is_untouched(made: Made) -> None:
    decided = made.decided
    copies = {name: rows.copy(deep=True) for name, rows in decided.rows.items()}
    manifest = decided.plan.manifest
    assert len(manifest) == sum(map(len, decided.rows.values()))
    assert not manifest.duplicated(["entity", "entity_id"]).any()
    for entity, rows in decided.rows.items():
        of_entity = manifest[manifest["entity"] == entity].set_index("entity_id")["row_hash"]
        hashes = canonical.row_hashes(entity, rows).set_axis(canonical.row_ids(entity, rows))
        assert of_entity.sort_index().to_dict() == hashes.sort_index().to_dict()
    decided.rebuilt()
    for name, rows in decided.rows.items():
        pd.testing.assert_frame_equal(rows, copies[name])


def test_the_order_of_the_rows_does_not_matter_and_twice_gives_the_same(planned_again: Made) -> None:
    decided, left_out = planned_again.decided, planned_again.left_out
    outside = pd.DataFrame({"contact_id": list(left_out), "rule_id": "XFR-ACCEPT", "reason": "not accepted"})
    selection = Selection(
        SOURCE, TARGET, left_out=outside.astype({"contact_id": "Int64", "rule_id": "str", "reason": "str"})
    )

    def shuffled(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        return {name: rows.sample(frac=1, random_state=planned_again.seed % 2**31) for name, rows in frames.items()}

    assert same(plan(selection, decided.rows, decided.around, decided.target), decided.plan)
    again = plan(selection, shuffled(decided.rows), shuffled(decided.around), shuffled(decided.target))
    assert same(again, decided.plan)


def test_every_new_row_is_the_old_one_but_for_its_references(made: Made) -> None:
    """Keys are new and without gaps, references lead to new rows or to what the target has, all else is as it was."""
    book, decided = made.book, made.decided
    rebuilt = made.rebuilt
    moved = decided.plan.manifest[decided.plan.manifest["decision"] != "stay"]
    arrived = [(entity, source_id) for entity, rows in rebuilt.items() for source_id in rows["source_id"]]
    assert sorted(arrived) == sorted(zip(moved["entity"], moved["entity_id"], strict=True))
    in_target = {
        entity: {
            row[f"{entity}_id"] for row in book.rows[entity] if row["office_id"] == TARGET and not row.get("deleted_at")
        }
        for entity in ("contact", "carrier", "product")
    }
    for entity, rows in rebuilt.items():
        table = metadata.tables[entity]
        old = decided.rows[entity].assign(source_id=canonical.row_ids(entity, decided.rows[entity]))
        twins = rows[["source_id"]].merge(old, on="source_id")
        for column in table.columns:
            new, before = rows[column.name], twins[column.name]
            parent = next((key.column.table.name for key in column.foreign_keys), None)
            if column.name == "modified_at":
                assert (new == LATER).all()
            elif parent in ("office", "crm_user"):
                assert (new.dropna() == 2).all()
            elif parent is not None:
                allowed = set(rebuilt[parent].iloc[:, 0]) if parent in rebuilt else set()
                assert set(new.dropna()) <= allowed | in_target.get(parent, set())
                assert column.nullable or new.notna().all()
            elif column.primary_key and len(table.primary_key) == 1:
                assert sorted(new) == list(range(FIRST_KEY, FIRST_KEY + len(new)))
            else:
                pd.testing.assert_series_equal(new, before, check_names=False)
        assert not rows.duplicated([column.name for column in table.primary_key.columns]).any()


def test_what_moves_hangs_on_a_contact_who_moves_and_is_in_its_group(made: Made) -> None:
    decided = made.decided
    moved = decided.plan.manifest[decided.plan.manifest["decision"] != "stay"]
    stock = moved["entity"].isin(["carrier", "product"])
    assert (moved.loc[stock, "group"] == 0).all()
    groups = moved[~stock].merge(decided.plan.groups, on="contact_id", how="left")
    assert groups["group_y"].notna().all()
    assert (groups["group_x"] == groups["group_y"]).all()


@pytest.mark.parametrize(
    ("change", "read", "doubt"),
    [
        ({}, 3, "in doubt: none"),
        ({"entity_id": "1"}, 2, "in doubt: policy 1"),
        ({"group": pd.NA}, 2, "doubt: policy 2"),
    ],
    ids=["a row too few", "a row twice", "a row of no group"],
)
def test_a_manifest_that_would_lose_a_row_is_no_manifest(change: dict[str, Any], read: int, doubt: str) -> None:
    rows = [{"entity": "policy", "entity_id": str(number), "decision": "move", "group": 1} for number in (1, 2)]
    check_books(pd.DataFrame(rows), 2)
    with pytest.raises(BooksUnbalanced, match=doubt):
        check_books(pd.DataFrame([rows[0], rows[1] | change]), read)


def test_what_moves_together_is_in_one_group(made: Made) -> None:
    """A new row names new contacts of its own group only."""
    rebuilt = made.rebuilt
    if "contact" not in rebuilt:
        return
    group_of = rebuilt["contact"].set_index("contact_id")["group"]
    for entity, rows in rebuilt.items():
        for column in metadata.tables[entity].columns:
            if any(key.column.table.name == "contact" for key in column.foreign_keys):
                groups = rows[column.name].map(group_of)
                assert (groups.dropna() == rows.loc[groups.notna(), "group"]).all(), (entity, column.name)


def test_with_the_closure_no_relation_of_the_set_breaks_that_need_not(planned_again: Made) -> None:
    """Nobody is missed any more but who is left out."""
    closure, left_out = planned_again.decided.plan.closure, planned_again.left_out
    if not closure["can_move"].all() or closure.empty:
        return
    outside = [(each, rule_id, "not accepted") for each, rule_id in left_out.items()]
    grown = planned_again.book.planned([*planned_again.chosen, *closure["contact_id"]], outside)
    assert set(grown.plan.closure["contact_id"]) <= left_out.keys()
