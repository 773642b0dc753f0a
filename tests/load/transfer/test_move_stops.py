"""What a move does when something is in its way: one group stays whole, and says why; the others go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.errors import MovedAway, ParamsError, UnitsBusy
from etl.load.ledger import locks
from etl.load.ledger.transfers import rekeying, transfers
from etl.load.transfer import rows
from etl.load.transfer.databases import open_databases, writing
from tests.pipelines.transfer.books import TARGET, TwoOffices
from tests.pipelines.transfer.moving import TransferDesk, make_desk


# PostgreSQL is moved in by tests/load/transfer/test_move.py, too, which is not marked slow there.
@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]
) -> Callable[..., TransferDesk]:
    """A desk with both offices in one database."""

    def made(book: TwoOffices) -> TransferDesk:
        return make_desk(tmp_path, book, postgres_url() if request.param == "postgres" else None)

    return made


def people(book: TwoOffices, count: int = 3) -> list[int]:
    """Contacts with a note and an account each."""
    found = []
    for number in range(count):
        one = book.contact(first_name=f"Ann{number}", tax_id=f"900-00-000{number}")
        book.add("smartpad_note", contact_id=one)
        book.account(one)
        found.append(one)
    return found


def statements_of(work: Callable[[], object]) -> int:
    """How many statements a piece of work sends to its databases."""
    statements = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        # The keeper of locks works by the clock, whatever the size.
        if threading.current_thread().name != "locks":
            statements.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    work()
    sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
    return len(statements)


EDITS = {
    2: ("UPDATE smartpad_note SET body = 'other' WHERE note_id = 2", ("smartpad_note", "2")),
    3: ("DELETE FROM smartpad_note WHERE note_id = 3", ("smartpad_note", "3")),
    4: ("INSERT INTO activity (activity_id, contact_id) VALUES (77, 4)", ("activity", "77")),
    5: ("UPDATE investment_account SET account_value = 1000.02 WHERE account_id = 5", ("investment_account", "5")),
}


class TestAnEditBetweenTheHashAndTheMove:
    def test_stops_its_group_alone_and_is_named(self, make: Callable[..., TransferDesk]) -> None:
        book = TwoOffices()
        ids = people(book, 6)
        desk = make(book)
        desk.plan("t1", ids)

        def edit() -> None:
            for statement, _ in EDITS.values():
                desk.source.run(statement)

        assert desk.move("t1", between=edit).status == "closed"
        assert desk.groups("t1") == {1: "retired", **dict.fromkeys(EDITS, "failed"), 6: "retired"}
        told = {(rule, *record) for rule, *record, _ in desk.why("t1")}
        assert told == {("XFR-EDITED", *record) for _, record in EDITS.values()}
        assert [desk.source.one("contact", contact_id=one)["deleted_at"] for one in EDITS] == [None] * len(EDITS)
        assert len(desk.target.rows("contact", office_id=TARGET)) == 2
        assert not set(EDITS) & set(desk.known()["source_id"].astype(int))

    def test_is_seen_even_when_it_came_before_the_import_began(self, tmp_path: Path) -> None:
        book = TwoOffices()
        one, two, three = people(book)
        desk = make_desk(tmp_path, book)
        desk.plan("t1", [one, two, three])
        desk.source.run("UPDATE contact SET job_title = 'Baker' WHERE contact_id = 1")
        desk.move("t1")
        assert desk.groups("t1") == {1: "failed", 2: "retired", 3: "retired"}


class TestARefusal:
    def test_rolls_the_group_back_whole_and_names_the_record(self, make: Callable[..., TransferDesk]) -> None:
        book = TwoOffices()
        ids = people(book)
        for number, account in enumerate(book.rows["investment_account"]):
            account["account_name"] = f"A{number}"
        bob = book.contact(office_id=TARGET, first_name="Bob", tax_id="900-00-000X")
        book.account(bob, office_id=TARGET, account_name="Taken")
        # Cal is refused for his tax id, and Eve stays with him; Dan is refused for his account, and Fay stays with him.
        cal = book.contact(first_name="Cal", tax_id="900-00-000X", last_name="Other")
        eve, dan = book.contact(first_name="Eve"), book.contact(first_name="Dan")
        fay = book.contact(first_name="Fay", tax_id="900-00-0009")
        book.relate(cal, eve)
        book.relate(dan, fay)
        taken = book.account(fay, account_name="Taken")
        desk = make(book)
        desk.source.run("CREATE UNIQUE INDEX one_tax_id ON contact (tax_id) WHERE office_id = 2")
        desk.source.run("CREATE UNIQUE INDEX one_name ON investment_account (account_name) WHERE office_id = 2")
        desk.plan("t1", [*ids, cal, eve, dan, fay])
        assert desk.move("t1").status == "closed"
        assert sorted(desk.groups("t1").values()) == ["failed", "failed", "retired", "retired", "retired"]
        refused = desk.why("t1")
        assert [(rule, entity, entity_id) for rule, entity, entity_id, _ in refused] == [
            ("XFR-REFUSED", "contact", str(cal)), ("XFR-REFUSED", "investment_account", str(taken)),
        ]  # fmt: skip
        for *_, why in refused:
            assert "another record has the same value" in why
            assert "900-00" not in why
        for one in (cal, eve, dan, fay):
            assert desk.source.one("contact", contact_id=one)["deleted_at"] is None
        assert {row["first_name"] for row in desk.target.rows("contact", office_id=TARGET)} == {
            "Bob", "Ann0", "Ann1", "Ann2",
        }  # fmt: skip
        manifest = transfers.read_manifest(desk.ledger, "t1")
        failed = manifest[manifest["decision"] == "failed"]
        assert {("contact", str(one)) for one in (cal, eve, dan, fay)} <= set(
            failed[["entity", "entity_id"]].itertuples(index=False, name=None)
        )
        assert failed["target_id"].isna().all()

    def test_by_a_source_that_does_not_retire_a_record_stops_the_group_of_the_record_alone(
        self, tmp_path: Path
    ) -> None:
        book = TwoOffices()
        ids = people(book, 4)
        desk = make_desk(tmp_path, book)
        desk.source.run(
            "CREATE TRIGGER keep_them BEFORE UPDATE OF deleted_at ON contact WHEN new.contact_id = 3 "
            "BEGIN SELECT RAISE(ABORT, 'they stay'); END"
        )
        assert desk.transfer("t1", ids).status == "closed"
        assert desk.groups("t1") == {1: "retired", 2: "retired", 3: "failed", 4: "retired"}
        ((rule, entity, entity_id, why),) = desk.why("t1")
        assert (rule, entity, entity_id) == ("XFR-REFUSED", "contact", "3")
        assert "they stay" not in why
        assert len(desk.target.rows("contact", office_id=TARGET)) == 3

    @pytest.mark.postgres
    def test_a_text_that_is_too_long_for_the_target_is_named_by_its_record(
        self, tmp_path: Path, postgres_url: Callable[[], str]
    ) -> None:
        book = TwoOffices()
        one, two, three = people(book)
        book.add("contact_phone", contact_id=two, number="5" * 61)
        book.add("smartpad_note", contact_id=three, body="a\0b")
        desk = make_desk(tmp_path, book, target=postgres_url(), other=TwoOffices())
        desk.transfer("t1", [one, two, three])
        assert desk.groups("t1") == {1: "retired", 2: "failed", 3: "failed"}
        assert [(rule, entity, key) for rule, entity, key, _ in desk.why("t1")] == [
            ("XFR-REFUSED", "contact_phone", "1"), ("XFR-REFUSED", "smartpad_note", "4"),
        ]  # fmt: skip
        assert desk.source.one("contact", contact_id=one)["deleted_at"] is not None
        assert desk.source.one("contact", contact_id=two)["deleted_at"] is None

    @pytest.mark.postgres
    def test_a_value_that_the_target_cannot_hold_exactly_stops_its_group(
        self, tmp_path: Path, postgres_url: Callable[[], str]
    ) -> None:
        book = TwoOffices()
        one, two, _ = people(book)
        book.account(two, account_value="1234567890123456.78")
        target = f"sqlite:///{tmp_path / 'target.db'}"
        desk = make_desk(tmp_path, book, postgres_url(), target, TwoOffices())
        desk.transfer("t1", [one, two])
        ((rule, entity, entity_id, why),) = desk.why("t1")
        assert (rule, entity, entity_id) == ("XFR-VERIFY", "investment_account", "4")
        assert "account_value" in why
        assert desk.groups("t1") == {1: "retired", 2: "failed"}

    def test_of_many_each_record_is_named_without_a_transaction_for_each(
        self, make: Callable[..., TransferDesk]
    ) -> None:
        book = TwoOffices()
        ids = [book.contact(first_name=f"Ann{number}") for number in range(40)]
        for one in ids:
            book.add("smartpad_note", contact_id=one, category="Bad" if one % 4 == 0 else "Good")
            book.add("activity", contact_id=one, status="Bad" if one % 5 == 0 else "Good")
        desk = make(book)
        for table, column in (("smartpad_note", "category"), ("activity", "status")):
            only_one = f"{column} = 'Bad' AND contact_id > 40"
            desk.source.run(f"CREATE UNIQUE INDEX one_{table} ON {table} ({column}) WHERE {only_one}")
        desk.plan("t1", ids)
        commits: list[object] = []

        def note(connection: object) -> None:
            commits.append(connection)

        sa.event.listen(sa.engine.Engine, "commit", note)
        assert desk.move("t1").status == "closed"
        sa.event.remove(sa.engine.Engine, "commit", note)
        assert len(commits) < 25
        # Sixteen contacts have a bad note, a bad activity or both; one of each may arrive.
        assert {entity for _, entity, _, _ in desk.why("t1")} == {"smartpad_note", "activity"}
        assert len(desk.why("t1")) == 14
        assert len(desk.target.rows("contact", office_id=TARGET)) == 40 - 14

    @pytest.mark.postgres
    def test_a_carrier_that_is_refused_stops_those_who_need_it(
        self, tmp_path: Path, postgres_url: Callable[[], str]
    ) -> None:
        book = TwoOffices()
        one, two, three = people(book)
        product = book.product()
        for each in (one, two):
            book.policy(each, product_id=product)
        desk = make_desk(tmp_path, book, postgres_url())
        desk.source.run("CREATE UNIQUE INDEX one_naic ON carrier (naic_id)")
        desk.transfer("t1", [one, two, three])
        assert desk.groups("t1") == {1: "failed", 2: "failed", 3: "retired"}
        assert {(rule, entity, key) for rule, entity, key, _ in desk.why("t1")} == {("XFR-REFUSED", "carrier", "1")}
        assert desk.target.rows("carrier", office_id=TARGET) == []


class TestOthersAtTheSameTime:
    def test_of_two_transfers_that_share_a_contact_one_has_it(self, tmp_path: Path) -> None:
        book = TwoOffices()
        one, two, three = people(book)
        desk = make_desk(tmp_path, book)
        barrier = threading.Barrier(2)
        claimed = {}

        def claim(transfer_id: str, ids: list[int]) -> None:
            barrier.wait()
            claimed[transfer_id] = transfers.claim(
                desk.ledger, transfers.fingerprint(desk.source.url), ids, transfer_id
            )

        threads = [threading.Thread(target=claim, args=each) for each in (("t1", [one, two]), ("t2", [two, three]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(len, claimed.values())) == [0, 1]
        desk.plan("t1", [one, two])
        desk.plan("t2", [two, three])
        desk.move("t1")
        desk.move("t2")
        assert len(desk.target.rows("contact", office_id=TARGET)) == 3

    def test_keys_that_somebody_takes_in_the_target_are_given_up_for_others(
        self, make: Callable[..., TransferDesk]
    ) -> None:
        book = TwoOffices()
        one, two, three = people(book)
        desk = make(book)
        desk.plan("t1", [one, two, three])
        taken = (
            "INSERT INTO contact (contact_id, office_id, record_type, subsystem_type, modified_at) "
            "VALUES (5, 2, 'Contact', 'Contact', '2026-11-20')"
        )
        assert desk.move("t1", between=lambda: desk.target.run(taken)).status == "closed"
        assert set(desk.groups("t1").values()) == {"retired"}
        assert len(desk.target.rows("contact", office_id=TARGET)) == 4
        for each in (one, two, three):
            with pytest.raises(MovedAway, match=f"as C{desk.new('t1', 'contact', each)} "):
                rekeying.require_at_home(desk.ledger, rekeying.moves_of(desk.ledger, [f"C{each}"]), f"C{each}", each)

    def test_a_carrier_is_made_anew_once_whichever_transfer_comes_first(self, tmp_path: Path) -> None:
        book = TwoOffices()
        one, two, _ = people(book)
        product = book.product()
        for each in (one, two):
            book.policy(each, product_id=product)
        desk = make_desk(tmp_path, book)
        desk.plan("t1", [one])
        desk.plan("t2", [two])
        desk.move("t1")
        desk.move("t2")
        carrier = desk.target.one("carrier", office_id=TARGET)
        made = desk.target.one("product", office_id=TARGET)
        assert made["carrier_id"] == carrier["carrier_id"]
        assert {row["product_id"] for row in desk.target.rows("policy", office_id=TARGET)} == {made["product_id"]}

    def test_a_run_that_writes_a_unit_at_a_vendor_is_waited_for(self, tmp_path: Path) -> None:
        book = TwoOffices()
        one, *_ = people(book)
        desk = make_desk(tmp_path, book)
        desk.plan("t1", [one])
        with locks.hold(desk.ledger, "profiles", f"C{one}", locks.holder_name("night")) as held:
            assert held is not None
            with pytest.raises(UnitsBusy, match=f"C{one}"):
                desk.move("t1")
        assert desk.move("t1").status == "closed"

    def test_only_an_accepted_transfer_moves(self, tmp_path: Path) -> None:
        book = TwoOffices()
        one, *_ = people(book)
        desk = make_desk(tmp_path, book)
        desk.plan("t1", [one], accept=False)
        with pytest.raises(ParamsError, match="only one that was accepted"):
            desk.move("t1")
        transfers.answer(desk.ledger, "t1", "rejected", "receiver")
        with pytest.raises(ParamsError, match="rejected"):
            desk.move("t1")
        assert transfers.claim(desk.ledger, transfers.fingerprint(desk.source.url), [one], "t2") == {}


class TestRelationsBetweenTransfers:
    @pytest.mark.postgres  # on SQLite: test_random_moves
    def test_a_relation_is_rebuilt_when_the_second_contact_arrives(
        self, tmp_path: Path, postgres_url: Callable[[], str]
    ) -> None:
        book = TwoOffices()
        one, two, _ = people(book)
        book.relate(one, two, relation="Brother")
        desk = make_desk(tmp_path, book, postgres_url())
        desk.transfer("t1", [one])
        assert desk.target.rows("key_relation", contact_id=desk.new("t1", "contact", one)) == []
        desk.transfer("t2", [two])
        made = desk.target.one("key_relation", contact_id=desk.new("t1", "contact", one))
        assert made["related_contact_id"] == desk.new("t2", "contact", two)
        assert made["relation"] == "Brother"


class TestSets:
    def test_an_empty_set_is_closed_at_once(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, TwoOffices())
        assert desk.transfer("t1", []).status == "closed"

    def test_a_contact_with_nothing_and_one_with_ten_thousand_notes_move(self, tmp_path: Path) -> None:
        book = TwoOffices()
        bare, busy = book.contact(), book.contact(first_name="Eve")
        for _ in range(10_000):
            book.add("smartpad_note", contact_id=busy)
        desk = make_desk(tmp_path, book)
        assert desk.transfer("t1", [bare, busy]).status == "closed"
        assert len(desk.target.rows("smartpad_note", contact_id=desk.new("t1", "contact", busy))) == 10_000

    def test_the_number_of_statements_does_not_depend_on_the_number_of_contacts(self, tmp_path: Path) -> None:
        counts = []
        for size in (4, 40):
            book = TwoOffices()
            people(book, size)
            desk = make_desk(tmp_path / str(size), book)
            desk.plan("t1", range(1, size + 1))
            counts.append(statements_of(partial(desk.move, "t1")))
        assert counts[0] == counts[1]


@pytest.mark.postgres
def test_while_a_group_moves_nobody_can_edit_it_or_add_to_it(tmp_path: Path, postgres_url: Callable[[], str]) -> None:
    edits = (
        "UPDATE contact SET job_title = 'Baker' WHERE contact_id = 2",
        "UPDATE smartpad_note SET body = 'other' WHERE note_id = 2",
        "DELETE FROM investment_account WHERE account_id = 3",
        "INSERT INTO activity (activity_id, contact_id) VALUES (77, 2)",
        "INSERT INTO investment_position (position_id, account_id, modified_at) VALUES (9, 2, '2026-11-20')",
    )
    book = TwoOffices()
    ids = people(book)
    desk = make_desk(tmp_path, book, postgres_url())
    desk.plan("t1", ids)
    manifest = transfers.read_manifest(desk.ledger, "t1")
    databases = open_databases(desk.source.url, None)
    with writing(databases.source) as connection:
        rows.lock_rows(connection, manifest)
        for edit in edits:
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                desk.source.run(f"SET lock_timeout = '300ms'; {edit}")
    for edit in edits:
        desk.source.run(edit)
    databases.dispose()
