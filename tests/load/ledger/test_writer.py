"""Writes that share transactions: together or not at all, each error to who caused it, few transactions for many."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import LedgerUnavailable, LockLost
from etl.load.ledger import links, writer
from etl.load.ledger.links import Link
from etl.load.ledger.store import Ledger
from etl.load.ledger.writer import Write, change, remove
from tests.load.delivering import DAY


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url()
    made = Ledger(url)
    made.migrate()
    yield made
    made.engine.dispose()


def link_of(unit_key: str, client_id: str) -> Link:
    return Link(unit_key, client_id, None, None, None, None, "CREATED")


def unit_of(ledger: Ledger, unit_key: str, client_id: str) -> tuple[Write, ...]:
    """What a confirmed creation writes: a link and what was sent."""
    sent = links.sent_now(ledger, "profiles", unit_key, "case", "hash", None, DAY, "run")
    return sent, links.linked(ledger, "profiles", link_of(unit_key, client_id))


@contextmanager
def transactions(ledger: Ledger) -> Iterator[list[int]]:
    """Counts the durable transactions."""
    counted = [0]

    def count(_: Any) -> None:
        counted[0] += 1

    sa.event.listen(ledger.engine, "commit", count)
    try:
        yield counted
    finally:
        sa.event.remove(ledger.engine, "commit", count)


def side_by_side(ledger: Ledger, hand_ins: list[tuple[Write, ...]]) -> list[Future[None]]:
    """Each hand-in by a thread of its own, none before all threads work."""
    together = threading.Barrier(len(hand_ins))

    def hand_in(writes: tuple[Write, ...]) -> None:
        with ledger.working():
            together.wait()
            ledger.commit(*writes)

    with ThreadPoolExecutor(len(hand_ins)) as pool:
        return [pool.submit(hand_in, writes) for writes in hand_ins]


def test_who_works_alone_waits_for_nobody_and_finds_the_rows_on_disk(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LONGEST_WAIT", 1e9)
    with transactions(ledger) as counted:
        ledger.commit(*unit_of(ledger, "H1", "hh-1"))
        with ledger.working():
            ledger.commit(*unit_of(ledger, "H2", "hh-2"))
    assert counted == [2]
    assert set(links.find_links(ledger, "profiles", ["H1", "H2"])) == {"H1", "H2"}


def test_those_who_work_side_by_side_share_a_transaction(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONGEST_WAIT", 1e9)
    with transactions(ledger) as counted:
        done = side_by_side(ledger, [unit_of(ledger, f"H{one}", f"hh-{one}") for one in range(writer.MOST)])
    assert [future.result() for future in done] == [None] * writer.MOST
    assert counted == [1]
    assert len(links.read_links(ledger, "profiles")) == writer.MOST


def test_who_waits_is_not_kept_waiting_by_who_goes_on_with_other_work(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LONGEST_WAIT", 0.1)
    is_busy, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with ledger.working():
            is_busy.set()
            may_end.wait()

    busy = threading.Thread(target=work)
    busy.start()
    is_busy.wait()
    with ledger.working():
        ledger.commit(*unit_of(ledger, "H1", "hh-1"))
    assert links.find_link(ledger, "profiles", "H1") is not None
    may_end.set()
    busy.join()


def test_the_last_one_who_leaves_commits_for_those_who_wait(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONGEST_WAIT", 1e9)

    def wait_in_line() -> None:
        with ledger.working():
            ledger.commit(*unit_of(ledger, "H1", "hh-1"))

    with ledger.working():
        waiting = threading.Thread(target=wait_in_line)
        waiting.start()
        while not ledger._writer._waiting:
            pass
    waiting.join(timeout=60)
    assert not waiting.is_alive()
    assert links.find_link(ledger, "profiles", "H1") is not None


def test_a_row_that_is_taken_is_the_error_of_who_handed_it_in_alone(ledger: Ledger) -> None:
    ledger.commit(*unit_of(ledger, "H100", "hh-7"))
    done = side_by_side(ledger, [unit_of(ledger, f"H{one}", f"hh-{one}") for one in range(16)])
    failed = {place: future.exception() for place, future in enumerate(done) if future.exception()}
    assert set(failed) == {7}
    assert isinstance(failed[7], LockLost)
    assert "H7: another unit" in str(failed[7])
    assert links.find_sent(ledger, "profiles", "H7") == {}, "what goes together is written together or not at all"
    assert set(links.read_links(ledger, "profiles")["unit_key"]) == {f"H{one}" for one in range(16) if one != 7} | {
        "H100"
    }


def test_of_two_that_want_one_record_in_one_transaction_one_gets_it(ledger: Ledger) -> None:
    done = side_by_side(ledger, [unit_of(ledger, "H1", "hh-1"), unit_of(ledger, "H2", "hh-1")])
    assert sorted(type(future.exception()).__name__ for future in done) == ["LockLost", "NoneType"]
    assert len(links.read_links(ledger, "profiles")) == 1


def test_a_ledger_that_cannot_be_used_is_everybodys_error(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    hand_ins = [unit_of(ledger, f"H{one}", f"hh-{one}") for one in range(8)]
    ledger.engine.dispose()
    sa.event.listen(ledger.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    done = side_by_side(ledger, hand_ins)
    assert {type(future.exception()) for future in done} == {LedgerUnavailable}


KEYS = st.sampled_from("abc")
MOVES = st.tuples(st.sampled_from(["put", "change", "remove"]), KEYS, st.sampled_from(["first", "second"]))


def moved(ledger: Ledger, unit: int, kind: str, key: str, client: str) -> Write:
    """A write to one of three links of a unit; no two units meet in one."""
    where = {"vendor": "profiles", "unit_key": f"H{unit}{key}"}
    client_id = f"{client} {key} of {unit}"
    if kind == "put":
        return links.linked(ledger, "profiles", link_of(where["unit_key"], client_id))
    return change(links.link, where, vendor_client_id=client_id) if kind == "change" else remove(links.link, **where)


@settings(max_examples=25, deadline=None)
@given(moves=st.lists(st.lists(MOVES, min_size=1, max_size=4), min_size=1, max_size=6))
def test_what_goes_in_one_transaction_ends_as_if_written_one_after_another(
    tmp_path_factory: pytest.TempPathFactory, moves: list[list[tuple[str, str, str]]]
) -> None:
    """Hand-ins of equal and of other shapes: the order within each is kept."""
    ends = []
    for is_shared in (True, False):
        ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('law') / 'ledger.db'}")
        ledger.migrate()
        hand_ins = [tuple(moved(ledger, unit, *one) for one in each) for unit, each in enumerate(moves)]
        if is_shared:
            assert [future.exception() for future in side_by_side(ledger, hand_ins)] == [None] * len(hand_ins)
        else:
            for write in (write for writes in hand_ins for write in writes):
                ledger.commit(write)
        ends.append(links.read_links(ledger, "profiles").set_index("unit_key")["vendor_client_id"].to_dict())
        ledger.engine.dispose()
    assert ends[0] == ends[1]
