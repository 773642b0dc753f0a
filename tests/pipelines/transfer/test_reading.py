"""What a transfer reads: all that hangs on a set, the same from both databases, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest

from etl import schema
from etl.errors import ParamsError
from etl.extract import transfer as extract
from etl.extract.source import Snapshot
from etl.schema import metadata
from tests.pipelines.transfer.books import ELSEWHERE, SOURCE, TARGET, TwoOffices, known
from tests.pipelines.transfer.random_books import Maker

Frames = dict[str, pd.DataFrame]


def read_all(url: str, contact_ids: Iterable[int]) -> tuple[Frames, int]:
    """Rows, surroundings and target, each in a fixed order; and the number of statements."""
    with Snapshot(url, readers=1) as snapshot:
        rows = extract.read_rows(snapshot, contact_ids, known(contact={1: 2}))
        frames = {**rows, **extract.read_surroundings(snapshot, rows), **extract.read_target(snapshot, TARGET)}
    ordered = {name: each.sort_values(list(each.columns), ignore_index=True) for name, each in frames.items()}
    return ordered, snapshot.queries


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_databases_give_the_same_frames(
    seed: int,
    tmp_path: Path,
    postgres_url: Callable[[], str],
) -> None:
    book = Maker(seed).make()
    urls = [f"sqlite:///{tmp_path / 'crm.db'}", postgres_url()]
    for url in urls:
        book.write(url)
    (one, _), (other, _) = (read_all(url, range(1, 9)) for url in urls)
    assert one.keys() == other.keys()
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name], obj=name)


def test_the_number_of_statements_does_not_grow_with_the_set(tmp_path: Path) -> None:
    few, many = TwoOffices(), TwoOffices()
    for book, count in ((few, 2), (many, 300)):
        for _ in range(count):
            contact_id = book.contact()
            book.add("smartpad_note", contact_id=contact_id)
            book.policy(contact_id, product_id=book.product())
            book.add("investment_position", account_id=book.account(contact_id))
            book.home(contact_id)
        book.write(f"sqlite:///{tmp_path / str(count)}.db")
    statements = {read_all(f"sqlite:///{tmp_path / name}.db", range(1, 301))[1] for name in ("2", "300")}
    assert len(statements) == 1


def test_every_table_that_can_hang_on_a_contact_is_read() -> None:
    """A table that names contacts, policies, cases or accounts belongs in the manifest, moving or not."""
    hang_on = {"contact", "policy", "pending_case", "investment_account", "household"}
    tables = {
        table.name
        for table in metadata.sorted_tables
        if {key.column.table.name for key in table.foreign_keys} & hang_on or table.name == "contact"
    }
    book = TwoOffices()
    with book.snapshot() as snapshot:
        rows = extract.read_rows(snapshot, [1])
    assert tables | {"custom_field_value", "product", "carrier"} == set(rows)
    assert all(list(rows[name].columns) == list(metadata.tables[name].columns.keys()) for name in rows)


class TestSets:
    def test_a_set_gives_its_contacts_once_each(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        for set_id in (book.add("contact_set"), book.add("contact_set")):
            for contact_id in (bob, ann):
                book.add("contact_set_member", set_id=set_id, contact_id=contact_id)
        with book.snapshot() as snapshot:
            assert extract.read_set(snapshot, 1, SOURCE) == [ann, bob]
        decided = book.planned([ann])
        assert decided.of("contact_set_member") == dict.fromkeys(["1:1", "2:1"], ("stay", "XFR-NOT-MOVED"))

    def test_an_empty_set_gives_nobody_and_a_plan_without_rows(self) -> None:
        book = TwoOffices()
        set_id = book.add("contact_set")
        with book.snapshot() as snapshot:
            assert extract.read_set(snapshot, set_id, SOURCE) == []
        decided = book.planned([])
        assert decided.plan.manifest.empty
        assert decided.plan.groups.empty
        assert decided.plan.closure.empty
        assert decided.rebuilt() == {}

    @pytest.mark.parametrize("office_id", [TARGET, ELSEWHERE])
    def test_a_set_of_another_office_is_no_set_of_the_source(self, office_id: int) -> None:
        book = TwoOffices()
        book.add("contact_set", office_id=office_id)
        with book.snapshot() as snapshot, pytest.raises(ParamsError, match="Office 1 has no set 1"):
            extract.read_set(snapshot, 1, SOURCE)

    def test_an_unknown_set_is_refused(self) -> None:
        with TwoOffices().snapshot() as snapshot, pytest.raises(ParamsError, match="no set 77"):
            extract.read_set(snapshot, 77, SOURCE)


def test_a_contact_without_anything_moves() -> None:
    book = TwoOffices()
    ann = book.contact(first_name=None, last_name=None, birth_date=None, assigned_user_id=None)
    decided = book.planned([ann])
    assert decided.only("contact") == ("move", "XFR-SET")
    (row,) = decided.arrived("contact")
    assert (row["office_id"], row["assigned_user_id"], row["first_name"]) == (TARGET, None, None)


def test_a_contact_that_does_not_exist_has_no_row() -> None:
    assert TwoOffices().planned([77]).plan.manifest.empty


def test_a_contact_with_ten_thousand_notes_moves_with_all_of_them() -> None:
    book = TwoOffices()
    ann = book.contact()
    for number in range(10_000):
        book.add("smartpad_note", contact_id=ann, body=f"Note {number}")
    rows = book.planned([ann]).rebuilt()["smartpad_note"]
    assert len(rows) == rows["body"].nunique() == 10_000
    assert set(rows["contact_id"]) == {1_000_001}


def test_a_business_moves_with_its_policies_and_its_people() -> None:
    book = TwoOffices()
    mill = book.contact(record_type="Business", subsystem_type="Business", business_name="Mill", first_name=None)
    ann = book.contact()
    book.policy(mill, primary_insured_id=ann)
    decided = book.planned([mill, ann])
    assert set(decided.of("contact").values()) == {("move", "XFR-SET")}
    (row,) = decided.arrived("policy")
    assert (row["primary_contact_id"], row["primary_insured_id"]) == (1_000_001, 1_000_002)


def test_the_target_is_the_target_office_alone() -> None:
    book = TwoOffices()
    book.contact()
    there = book.contact(office_id=TARGET)
    book.contact(office_id=TARGET, deleted_at="2026-01-01 00:00:00.000000")
    book.contact(office_id=ELSEWHERE)
    own = book.add("carrier", office_id=TARGET)
    book.add("carrier")
    with book.snapshot() as snapshot:
        target = extract.read_target(snapshot, TARGET)
    assert target["contacts"]["contact_id"].tolist() == [there]
    assert target["carriers"]["carrier_id"].tolist() == [own]
    assert list(target["products"].columns) == list(schema.product.columns.keys())
