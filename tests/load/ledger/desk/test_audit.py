"""The audit: a chain of hashes that nobody can change unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import sqlalchemy as sa

from etl.load.ledger.desk import audit
from etl.load.ledger.desk.audit import Entry
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import audit_entry

NOTED = Entry("morgan", "noted", "item:1", {"state": "new"}, {"state": "waiting"}, "Asked the client’s bank")


def write(ledger: Ledger, *entries: Entry) -> None:
    with ledger.write() as connection:
        audit.append(ledger, connection, *entries)


def without_guard(ledger: Ledger) -> None:
    """What somebody does first who can change the database's tables."""
    with ledger.write() as connection:
        if ledger.is_sqlite:
            for change in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER audit_entry_{change}")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_entry_change ON audit_entry")


def test_an_empty_audit_is_whole(ledger: Ledger) -> None:
    assert audit.verify(ledger) == audit.Verdict(0, None, None)


def test_entries_are_numbered_without_a_gap_and_their_chain_is_verified(ledger: Ledger) -> None:
    write(ledger, NOTED)
    write(ledger, NOTED, Entry("chen", "unit shown", "unit:H1"))
    verdict = audit.verify(ledger)
    assert (verdict.count, verdict.broken) == (3, None)
    assert verdict.first is not None
    assert verdict.last is not None
    assert (verdict.first["entry_id"], verdict.last["entry_id"], verdict.last["actor"]) == (1, 3, "chen")
    assert verdict.first["previous_hash"] == audit.BEGINNING


def test_what_is_rolled_back_leaves_no_entry(ledger: Ledger) -> None:
    with ledger.write() as connection:
        audit.append(ledger, connection, NOTED)
        connection.rollback()
    write(ledger, NOTED)
    assert audit.verify(ledger).count == 1


def test_the_database_refuses_to_change_an_entry(ledger: Ledger) -> None:
    write(ledger, NOTED)
    for change in (sa.update(audit_entry).values(actor="chen"), sa.delete(audit_entry)):
        with pytest.raises(sa.exc.DBAPIError, match="audit entries are only added"):
            ledger.execute(change)


def test_an_entry_that_was_changed_is_found(ledger: Ledger) -> None:
    write(ledger, *[NOTED] * 3)
    without_guard(ledger)
    written = ledger.rows(sa.select(audit_entry).where(audit_entry.c.entry_id == 2))[0]
    second = sa.update(audit_entry).where(audit_entry.c.entry_id == 2)
    values = {
        "at": datetime(2020, 1, 1), "actor": "chen", "action": "waived", "subject": "item:2", "before": None,
        "after": '{"state": "mended"}', "reason": "None given", "entry_hash": "0" * 64,
    }  # fmt: skip
    for name, value in values.items():
        ledger.execute(second.values({name: value}))
        verdict = audit.verify(ledger)
        assert (verdict.broken, verdict.why, verdict.count) == (2, "it was changed after it was written", 1), name
        ledger.execute(second.values({name: written[name]}))
    assert audit.verify(ledger).broken is None


def test_an_entry_that_was_removed_is_found(ledger: Ledger) -> None:
    write(ledger, *[NOTED] * 3)
    without_guard(ledger)
    ledger.execute(sa.delete(audit_entry).where(audit_entry.c.entry_id == 2))
    verdict = audit.verify(ledger)
    assert (verdict.broken, verdict.why) == (3, "entry 2 is missing")


def test_an_entry_that_was_written_anew_with_its_hash_breaks_the_chain_behind_it(ledger: Ledger) -> None:
    write(ledger, *[NOTED] * 3)
    without_guard(ledger)
    ledger.execute(sa.delete(audit_entry).where(audit_entry.c.entry_id > 1))
    write(ledger, Entry("chen", "noted", "item:9"))
    forged = ledger.rows(sa.select(audit_entry).where(audit_entry.c.entry_id == 2))[0]
    ledger.execute(sa.delete(audit_entry).where(audit_entry.c.entry_id > 1))
    write(ledger, NOTED, NOTED)
    same = {name: forged[name] for name in forged if name != "entry_id"}
    ledger.execute(sa.update(audit_entry).where(audit_entry.c.entry_id == 2).values(same))
    verdict = audit.verify(ledger)
    assert (verdict.broken, verdict.why) == (3, "it does not follow the entry before it")


def test_many_who_write_at_once_make_one_chain(ledger: Ledger) -> None:
    def work(number: int) -> None:
        for _ in range(5):
            write(ledger, Entry(f"user-{number}", "noted", "item:1"), Entry(f"user-{number}", "noted", "item:2"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert audit.verify(ledger).count == 60
    assert audit.verify(ledger).broken is None


def test_more_entries_than_are_read_at_once_are_all_verified(ledger: Ledger) -> None:
    write(ledger, *[NOTED] * 10_001)
    assert audit.verify(ledger).count == 10_001
