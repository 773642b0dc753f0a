"""Transfers carried out between real databases: planned from a book, accepted, moved by the rules.

desk = make_desk(tmp_path, book)                  # one SQLite database with both offices
desk = make_desk(tmp_path, book, source=url, target=other)
desk.transfer("t1", [ann, eve])
assert desk.target.rows("contact") == …
"""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.extract import transfer as extract
from etl.extract.source import Snapshot
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer import batches
from etl.load.transfer.databases import open_databases
from etl.load.transfer.rollback import roll_back
from etl.schema import metadata
from etl.transform.transfers import Selection, TransferPlan, plan
from etl.transform.transfers.rows import Arrival
from include.pipelines.transfer.move import move
from tests.pipelines.transfer.books import LATER, SOURCE, TARGET, TwoOffices

RECEIVER = 2


@dataclass
class Database:
    """A CRM that is there."""

    url: str

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """All rows of a table that have these values, in the order of their keys."""
        which = metadata.tables[table]
        statement = sa.select(which).order_by(*which.primary_key)
        for name, value in where.items():
            statement = statement.where(which.c[name].is_(None) if value is None else which.c[name] == value)
        with self.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def one(self, table: str, **where: Any) -> dict[str, Any]:
        """The only such row."""
        (row,) = self.rows(table, **where)
        return row

    def run(self, statement: str) -> None:
        """One statement, committed."""
        with self.connect() as connection, connection.begin():
            connection.exec_driver_sql(statement)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables."""
        return {name: [tuple(row.values()) for row in self.rows(name)] for name in metadata.tables}

    def connect(self) -> sa.Connection:
        return _engine(self.url).connect()


@functools.lru_cache(maxsize=8)
def _engine(url: str) -> sa.Engine:
    """Keeps no connection, but knows its statements."""
    return sa.create_engine(url, poolclass=sa.NullPool)


@dataclass
class TransferDesk:
    """Two offices, a ledger, and everything that it takes to move contacts."""

    source: Database
    target: Database
    ledger: Ledger
    folder: Path
    contacts_at_once: int = 1000
    offices: tuple[int, int] = (SOURCE, TARGET)
    receiver: int = RECEIVER
    plans: dict[str, TransferPlan] = field(default_factory=dict)
    read_at_once: list[int] = field(default_factory=list)  # how many contacts a return has read each time

    def onward(self, source: int, target: int, user: int) -> TransferDesk:
        """The same databases, other offices."""
        return replace(self, source=self.target, offices=(source, target), receiver=user, plans={})

    def plan(self, transfer_id: str, contact_ids: Iterable[int], accept: bool = True) -> TransferPlan:
        """Claims, plans and (the receiving user) accepts."""
        ids = sorted(set(contact_ids))
        databases = transfers.fingerprint(self.source.url), transfers.fingerprint(self.target.url)
        busy = transfers.claim(self.ledger, databases[0], ids, transfer_id)
        known = transfers.read_id_map(self.ledger, *databases, self.offices[1])
        with Snapshot(self.source.url, readers=1) as snapshot:
            rows = extract.read_rows(snapshot, ids, known)
            around = extract.read_surroundings(snapshot, rows)
        with Snapshot(self.target.url, readers=1) as snapshot:
            there = extract.read_target(snapshot, self.offices[1])
        left_out = pd.DataFrame({"contact_id": list(busy), "rule_id": "XFR-SET", "reason": "busy"})
        left_out = left_out.astype({"contact_id": "Int64", "rule_id": "str", "reason": "str"})
        selection = Selection(*self.offices, databases[0] == databases[1], left_out)
        made = plan(selection, rows, around, there, known)
        new = Transfer(transfer_id, *self.offices, *databases, "mover", "receiver")
        transfers.plan(self.ledger, new, made.manifest)
        if accept:
            transfers.answer(self.ledger, transfer_id, "accepted", "receiver")
        self.plans[transfer_id] = made
        return made

    def move(self, transfer_id: str, between: Callable[[], None] | None = None) -> Transfer:
        """Carries an accepted transfer out; ``between``: what somebody does after its rows were staged."""
        arrival = Arrival(self.offices[1], self.receiver, LATER)
        read_source = extract.rows_of(self.source.url, self.known())
        databases = open_databases(self.source.url, self.target.url)
        try:
            with after_staging(between):
                return move(
                    self.ledger, databases, transfer_id, self.plans[transfer_id], arrival, read_source,
                    self.folder / "transfers", self.contacts_at_once, sleep=lambda _: None,
                )  # fmt: skip
        finally:
            databases.dispose()

    def known(self) -> pd.DataFrame:
        """What earlier transfers moved."""
        databases = transfers.fingerprint(self.source.url), transfers.fingerprint(self.target.url)
        return transfers.read_id_map(self.ledger, *databases, self.offices[1])

    def transfer(self, transfer_id: str, contact_ids: Iterable[int]) -> Transfer:
        """Everything at once."""
        self.plan(transfer_id, contact_ids)
        return self.move(transfer_id)

    def bring_back(self, transfer_id: str) -> list[tuple[str, str, str]]:
        """Takes a transfer back; gives office, table and key of what was edited since."""
        databases = open_databases(self.source.url, self.target.url)

        read_rows = extract.rows_of(self.target.url)

        def read(contact_ids: Sequence[int], transaction: sa.Connection | None) -> Any:
            self.read_at_once.append(len(contact_ids))
            return read_rows(contact_ids, transaction)

        try:
            edits = roll_back(
                self.ledger, databases, transfer_id, read, lambda _: None, contacts_at_once=self.contacts_at_once
            )
        finally:
            databases.dispose()
        return list(edits[["office", "entity", "entity_id"]].itertuples(index=False, name=None))

    def new(self, transfer_id: str, entity: str, old: int) -> int:
        """The new key of a record."""
        frame = transfers.read_manifest(self.ledger, transfer_id)
        row = frame[(frame["entity"] == entity) & (frame["entity_id"] == str(old))]
        return int(row["target_id"].iloc[0])

    def groups(self, transfer_id: str) -> dict[int, str]:
        """group -> status."""
        groups = transfers.read_groups(self.ledger, transfer_id)
        return dict(zip(groups["group_no"], groups["status"], strict=True))

    def why(self, transfer_id: str) -> list[tuple[str, str, str, str]]:
        """rule, table, key and words of the groups that failed."""
        groups = transfers.read_groups(self.ledger, transfer_id)
        failed = groups[groups["status"] == "failed"]
        return list(failed[["rule_id", "entity", "entity_id", "why"]].itertuples(index=False, name=None))


@contextlib.contextmanager
def after_staging(act: Callable[[], None] | None) -> Iterator[None]:
    """Somebody else does something once, after the first batch was staged and before it is written."""
    write = batches.write

    def interrupted(folder: Path, batch: batches.Batch) -> None:
        write(folder, batch)
        batches.write = write
        if act is not None:
            act()

    batches.write = interrupted
    try:
        yield
    finally:
        batches.write = write


def make_desk(
    folder: Path,
    book: TwoOffices,
    source: str | None = None,
    target: str | None = None,
    other: TwoOffices | None = None,
) -> TransferDesk:
    """The book's offices at ``source`` (by default SQLite); the target office is there or, ``other``, at ``target``."""
    folder.mkdir(parents=True, exist_ok=True)
    here = source or f"sqlite:///{folder / 'crm.db'}"
    book.write(here)
    if other is not None:
        assert target is not None
        other.write(target)
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.migrate()
    return TransferDesk(Database(here), Database(target or here), ledger, folder)


def close(desk: TransferDesk) -> None:
    """Leaves no file of the ledger open: neither a child may share it nor another file take its place."""
    for engine in (desk.ledger.engine, desk.ledger._quick):
        engine.dispose()


def kept(desk: TransferDesk) -> Callable[[], None]:
    """Keeps everything as it is now; gives what puts it back: as good as made anew, and in no time."""
    close(desk)
    put_back_folder = kept_folder(desk.folder)

    def put_back() -> None:
        close(desk)
        put_back_folder()

    return put_back


def kept_folder(folder: Path) -> Callable[[], None]:
    """Keeps the files of a folder as they are now; gives what puts them back."""
    as_it_is = folder.with_name(f"{folder.name} as it was")
    shutil.copytree(folder, as_it_is)

    def put_back() -> None:
        shutil.rmtree(folder)
        shutil.copytree(as_it_is, folder)

    return put_back
