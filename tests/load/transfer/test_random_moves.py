"""Random offices, random sets, really moved: what is there afterwards is what a slow reading of the rules says."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.load.ledger.transfers import transfers
from etl.schema import metadata
from tests.pipelines.transfer.books import LATER, SOURCE, TARGET, TwoOffices
from tests.pipelines.transfer.model import Model
from tests.pipelines.transfer.moving import RECEIVER, TransferDesk, make_desk
from tests.pipelines.transfer.random_books import Maker

Row = dict[str, Any]


def key_of(table: str, row: Row) -> str:
    return ":".join(str(row[column.name]) for column in metadata.tables[table].primary_key.columns)


def by_key(desk: TransferDesk) -> dict[str, dict[str, Row]]:
    """Every row of the database by table and key."""
    return {table: {key_of(table, row): row for row in desk.source.rows(table)} for table in metadata.tables}


def lead_to(table: str, column: Any) -> str | None:
    return next((key.column.table.name for key in column.foreign_keys), None)


class Check:
    """One transfer within one database, before and after."""

    def __init__(self, folder: Path, seed: int, url: str | None = None) -> None:
        book, dice = Maker(seed).make(), random.Random(seed)
        people = [row["contact_id"] for row in book.rows["contact"]]
        self.chosen = sorted(dice.sample(people, dice.randint(1, len(people))))
        self.model = Model(book.rows, self.chosen, {})
        self.expected = self.model.decide()
        desk = make_desk(folder, book, url)
        self.before = by_key(desk)
        desk.transfer("t", self.chosen)
        self.after = by_key(desk)
        manifest = transfers.read_manifest(desk.ledger, "t")
        self.happened = {(row.entity, row.entity_id): row for row in manifest.itertuples()}
        self.new = {
            (row.entity, row.entity_id): str(row.target_id) for row in manifest.itertuples() if row.decision != "stay"
        }

    def check(self) -> None:
        self.check_ledger()
        self.check_nothing_else_is_new()
        self.check_each_new_row()
        self.check_every_contact_is_in_one_office()

    def check_ledger(self) -> None:
        assert {key: (row.decision, row.rule_id) for key, row in self.happened.items()} == self.expected

    def check_nothing_else_is_new(self) -> None:
        made = {(entity, new) for (entity, _), new in self.new.items()}
        found = {(table, key) for table, rows in self.after.items() for key in rows.keys() - self.before[table].keys()}
        assert found == made
        assert not any(self.before[table].keys() - rows.keys() for table, rows in self.after.items())

    def check_each_new_row(self) -> None:
        for (entity, old), new in self.new.items():
            before, after = self.before[entity][old], self.after[entity][new]
            for column in metadata.tables[entity].columns:
                expected = self.value(entity, column, before)
                assert after[column.name] == expected, (entity, old, column.name)

    def value(self, entity: str, column: Any, before: Row) -> Any:
        """What the rules say stands in a column of the new row."""
        value, parent = before[column.name], lead_to(entity, column)
        if column.name == "modified_at":
            return type(value).fromisoformat(LATER)
        if parent is None:
            own = column.primary_key and len(metadata.tables[entity].primary_key) == 1
            return int(self.new[entity, str(value)]) if own else value
        if parent == "office":
            return TARGET
        if value is None or column.name == "primary_advisor_id":
            return None
        if parent == "crm_user":
            return RECEIVER
        return self.reference(entity, column.name, parent, value)

    def reference(self, entity: str, name: str, parent: str, value: int) -> int | None:
        is_list = entity.endswith("_contact") and parent == "contact"
        if (parent, str(value)) in self.new and not is_list and name != "employee_contact_id":
            return int(self.new[parent, str(value)])
        if parent == "contact":
            return self.model.in_target(value)
        carriers = {row["carrier_id"]: row for row in self.model.rows["carrier"]}
        if parent == "carrier":
            return self.model.carrier_in_target(carriers[value])
        products = {row["product_id"]: row for row in self.model.rows["product"]}
        return self.model.product_in_target(products[value], carriers) if parent == "product" else None

    def check_every_contact_is_in_one_office(self) -> None:
        for contact_id in self.chosen:
            gone = self.after["contact"][str(contact_id)]["deleted_at"] is not None
            was_gone = self.before["contact"][str(contact_id)]["deleted_at"] is not None
            assert gone == (was_gone or ("contact", str(contact_id)) in self.new)


@pytest.mark.parametrize("seed", range(2))
def test_what_happened_is_what_the_rules_say_of_a_known_office(seed: int, tmp_path: Path) -> None:
    Check(tmp_path, seed).check()


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_happened_is_what_the_rules_say(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Check(Path(folder), seed).check()


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [120, pytest.param(4711, marks=pytest.mark.slow)])
def test_on_postgresql_too(seed: int, tmp_path: Path, postgres_url: Callable[[], str]) -> None:
    Check(tmp_path, seed, postgres_url()).check()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=str)
def test_a_family_that_moves_one_by_one_has_all_its_relations_in_the_end(
    order: tuple[int, int, int], tmp_path: Path
) -> None:
    book = TwoOffices()
    family = [book.contact(first_name=name) for name in ("Ann", "Bob", "Cy")]
    ann, bob, child = family
    relations = [
        book.relate(ann, bob, relation="Husband"),
        book.relate(ann, child, relation="Son"),
        book.relate(child, bob, relation="Father"),
    ]
    desk = make_desk(tmp_path, book)
    for number, at in enumerate(order):
        desk.transfer(f"t{number}", [family[at]])
    new = {family[at]: desk.new(f"t{number}", "contact", family[at]) for number, at in enumerate(order)}
    there = [row for row in desk.target.rows("key_relation") if row["relation_id"] not in relations]
    assert sorted((row["contact_id"], row["related_contact_id"], row["relation"]) for row in there) == sorted(
        [(new[ann], new[bob], "Husband"), (new[ann], new[child], "Son"), (new[child], new[bob], "Father")]
    )
    assert len(desk.target.rows("contact", office_id=SOURCE, deleted_at=None)) == 0
