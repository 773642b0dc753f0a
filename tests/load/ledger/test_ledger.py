"""The ledger: its messages when it cannot be used, and the facts that it keeps."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.errors import LedgerUnavailable, LockLost
from etl.load.ledger import answers, feeds, intents, links, runs
from etl.load.ledger.feeds import Line
from etl.load.ledger.links import Link
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger, pack
from etl.load.ledger.story import unpack
from tests.load.killing import finish, start

DAY = date(2026, 11, 20)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url())
    made.migrate()
    yield made
    made.engine.dispose()


def save_link(ledger: Ledger, unit_key: str, client_id: str) -> None:
    made = Link(unit_key, client_id, None, None, None, None, "CREATED")
    ledger.commit(links.linked(ledger, "profiles", made))


def test_several_processes_may_make_the_tables_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert [finish(process) for process in [start(Ledger(url).migrate) for _ in range(4)]] == [0, 0, 0, 0]


def test_a_vendors_record_belongs_to_one_unit(ledger: Ledger) -> None:
    save_link(ledger, "H1", "hh-1")
    with pytest.raises(LockLost, match="H2"):
        save_link(ledger, "H2", "hh-1")
    assert links.read_links(ledger, "profiles")["unit_key"].tolist() == ["H1"]


def test_created_and_updated_stay_when_a_retry_finds_nothing_left_to_do(ledger: Ledger) -> None:
    first = [
        Outcome("profiles", "H1", "created"),
        Outcome("profiles", "H2", "deferred"),
        Outcome("profiles", "H3", "held"),
    ]
    runs.save_outcomes(ledger, "run", first)
    runs.save_outcomes(ledger, "run", [Outcome("profiles", key, "unchanged") for key in ("H1", "H2")])
    runs.save_outcomes(ledger, "run", [Outcome("profiles", "H3", "updated")])
    ended = runs.read_outcomes(ledger, "run")
    assert dict(zip(ended["unit_key"], ended["outcome"], strict=True)) == {
        "H1": "created", "H2": "unchanged", "H3": "updated",
    }  # fmt: skip


def test_a_takeover_moves_link_history_and_open_writes(ledger: Ledger) -> None:
    save_link(ledger, "C7", "hh-1")
    intent = intents.begin(ledger, "profiles", "C7", "replace_case", "hash", {"base": {}}, DAY, "run", "1")
    ledger.commit(*links.relinked("profiles", "C7", "H12"))
    assert links.find_link(ledger, "profiles", "C7") is None
    assert [one.op_key for one in intents.open_intents(ledger, "profiles", "H12")] == [intent.op_key]
    ledger.commit(*links.relinked("profiles", "C7", "H13"))
    assert links.find_link(ledger, "profiles", "H13") is None


def test_the_id_of_a_feed_with_a_result_is_not_used_again(ledger: Ledger) -> None:
    lines = [Line("H1", "em-1", "hash", "account:5")]
    name = f"{DAY}-abc"
    assert feeds.begin_feed(ledger, name, "run", DAY, lines) == name
    assert feeds.begin_feed(ledger, name, "run", DAY, lines) == name
    feeds.mark_feed(ledger, name, "failed")
    assert feeds.begin_feed(ledger, name, "run", DAY, lines) == f"{name}-2"
    feeds.mark_feed(ledger, f"{name}-2", "done")
    assert feeds.begin_feed(ledger, name, "run", DAY, lines) == f"{name}-3"
    assert feeds.begin_feed(ledger, f"{DAY}-ab", "run", DAY, lines) == f"{DAY}-ab"


def test_the_as_of_guard_moves_forward_only(ledger: Ledger) -> None:
    links.save_many_sent(ledger, "emoney", "items", [("H1", "hash", {})], DAY, "run")
    for day, expected in ((DAY.replace(day=19), DAY), (DAY.replace(day=21), DAY.replace(day=21))):
        links.confirm_unchanged(ledger, "emoney", "items", ["H1"], day)
        assert links.find_sent(ledger, "emoney", "H1")["items"].as_of == expected


def test_a_second_try_of_a_run_knows_what_the_first_has_written(ledger: Ledger) -> None:
    for unit_key, step, status in (
        ("H1", "create_household", "confirmed"),
        ("H2", "replace_case", "confirmed"),
        ("H3", "replace_case", "refused"),
    ):
        intent = intents.begin(ledger, "profiles", unit_key, step, "hash", {}, DAY, "run", "1")
        intents.mark(ledger, intent, status)
    assert intents.written_by(ledger, "profiles", "run") == {"H1": "created", "H2": "updated"}
    assert intents.written_by(ledger, "profiles", "other run") == {}


def test_a_read_does_not_wait_for_a_write(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    with ledger.write() as writing:
        writing.execute(sa.text("SELECT 1"))
        reader = sqlite3.connect(tmp_path / "ledger.db", timeout=0)
        assert reader.execute("SELECT count(*) FROM link").fetchone() == (0,)
        quick = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        sa.event.listen(quick.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 100"))
        assert links.find_link(quick, "profiles", "H1") is None


def test_a_full_disk_is_reported_in_plain_words(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    ledger.engine.dispose()
    sa.event.listen(ledger.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(LedgerUnavailable, match="full") as told:
        intents.begin(
            ledger, "profiles", "H1", "replace_case", "hash", {"secret": os.urandom(100_000).hex()}, DAY, "run", "1"
        )
    assert "secret" not in str(told.value)


def test_a_locked_ledger_is_reported_in_plain_words(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    ledger.engine.dispose()
    sa.event.listen(ledger.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked"):
            save_link(ledger, "H1", "hh-1")
    save_link(ledger, "H1", "hh-1")


def test_a_ledger_without_a_free_connection_is_reported_as_unavailable(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    ledger.engine = sa.create_engine(ledger.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with ledger.read(), pytest.raises(LedgerUnavailable, match="connections"):
        ledger.rows(sa.select(links.link))
    ledger.engine.dispose()


def test_an_unusable_file_and_an_impossible_folder_are_reported_in_plain_words(
    tmp_path: Path,
) -> None:
    (tmp_path / "ledger.db").write_bytes(b"something else" * 1000)
    with pytest.raises(LedgerUnavailable, match=r"ledger\.db"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").migrate()
    with pytest.raises(LedgerUnavailable, match="cannot be created"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db' / 'below' / 'ledger.db'}")
    with pytest.raises(LedgerUnavailable, match=r"127\.0\.0\.1"):
        Ledger("postgresql://somebody:secret@127.0.0.1:1/nowhere").migrate()


def test_values_keep_every_digit() -> None:
    value = {"premium": Decimal("123456789012345678.90"), "names": ["é", None]}
    assert unpack(pack(value)) == value
    assert unpack(None) is None


def test_an_answer_is_kept_with_the_ids_that_were_shown(ledger: Ledger) -> None:
    shown = {"match_type": "exact", "households": [{"household_id": "7", "case_ids": ["11"], "linked_to": None}]}
    answers.ask(ledger, "run", "profiles", "H1", shown)
    moment = ledger.now()
    answers.give_answer(ledger, "run", "profiles", "H1", "update_case", "7", "11", "amy", moment)
    found = answers.find_answer(ledger, "run", "profiles", "H1")
    assert found is not None
    assert (found.status, found.choice, found.answered_by, found.shown) == ("answered", "update_case", "amy", shown)
    assert found.answered_at == moment
    answers.ask(ledger, "run", "profiles", "H1", shown)
    again = answers.find_answer(ledger, "run", "profiles", "H1")
    assert again is not None
    assert (again.status, again.choice, again.answered_by) == ("asked", None, None)
    assert answers.find_answer(ledger, "run", "profiles", "H2") is None


def test_confirmed_creations_are_found_newest_first(ledger: Ledger) -> None:
    for run_id in ("first", "second", "lost"):
        intent = intents.begin(ledger, "profiles", "H1", "create_case", "hash", {"household": "7"}, DAY, run_id)
        intents.mark(ledger, intent, "abandoned" if run_id == "lost" else "confirmed")
    found = intents.confirmed_steps(ledger, "profiles", "H1", "create_case")
    assert [one.run_id for one in found] == ["second", "first"]
    assert intents.confirmed_steps(ledger, "profiles", "H1", "create_household") == []
