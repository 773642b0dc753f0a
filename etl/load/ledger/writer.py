"""Writes that share transactions: many threads hand in rows, and one of them commits what waits.

A thread that hands in rows waits until they are on disk. The rows of one hand-in are written together or not at all;
rows that cannot be written are set aside, and only who handed them in gets the error.

A transaction begins when everybody who works on the ledger waits for it, when `MOST` wait, or when somebody has waited
for `LONGEST_WAIT` seconds. Who works alone waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa

from etl.errors import RetryLater

# So many hand-ins go in one transaction without waiting for more.
MOST = 48
# Seconds. Who makes all others wait for so long has to do with a vendor that is slow, and ends after them anyway.
LONGEST_WAIT = 2.0


@dataclass(frozen=True)
class Write:
    """A row to write: put (inserted, or updated where its primary key exists), changed or removed.

    ``where``: the columns by which rows are found that are changed or removed, not NULL. ``if_taken``: what is raised
    where another row has a unique value of this one.
    """

    table: sa.Table
    values: Mapping[str, Any] = field(repr=False)
    where: Mapping[str, Any] = field(default_factory=dict)
    if_taken: Exception | None = None

    @property
    def shape(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What the writes have in common that one statement can do."""
        return self.table.name, tuple(self.values), tuple(self.where)

    @property
    def change(self) -> tuple[sa.Update | sa.Delete, dict[str, Any]]:
        """The statement that changes or removes the row, and its parameters."""
        found = {f"at_{name}": value for name, value in self.where.items()}
        new = {f"to_{name}": value for name, value in self.values.items()}
        return _change(self.table, tuple(self.values), tuple(self.where)), found | new


def put(table: sa.Table, **values: Any) -> Write:
    """A row that is inserted, or updated where its primary key exists; columns that it lacks keep their value."""
    return Write(table, values)


def change(table: sa.Table, where: Mapping[str, Any], **values: Any) -> Write:
    """New values for the rows that are found."""
    return Write(table, values, where)


def remove(table: sa.Table, **where: Any) -> Write:
    """The end of the rows that are found."""
    return Write(table, {}, where)


@cache
def _change(table: sa.Table, values: tuple[str, ...], where: tuple[str, ...]) -> sa.Update | sa.Delete:
    found = [table.c[name] == sa.bindparam(f"at_{name}") for name in where]
    if not values:
        return sa.delete(table).where(*found)
    return sa.update(table).where(*found).values({name: sa.bindparam(f"to_{name}") for name in values})


@dataclass(eq=False)
class HandIn:
    """Rows that go together, and how they ended."""

    writes: Sequence[Write]
    has_ended: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Writer:
    """Commits what threads hand in. ``commit`` writes the hand-ins of a transaction, or raises and writes nothing."""

    def __init__(self, commit: Callable[[Sequence[HandIn]], None]) -> None:
        self._commit = commit
        self._counting, self._committing = threading.Lock(), threading.Lock()
        self._waiting: list[HandIn] = []
        self._working = 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """This thread hands in rows from time to time: the others' transactions wait for it, though not for long."""
        with self._counting:
            self._working += 1
        try:
            yield
        finally:
            with self._counting:
                self._working -= 1
                is_full = self._is_full()
            if is_full:
                self._commit_waiting()

    def hand_in(self, writes: Sequence[Write]) -> None:
        """Writes rows; they are on disk when it returns. Raises what these rows alone are to blame for."""
        mine = HandIn(writes)
        with self._counting:
            self._waiting.append(mine)
            is_full = self._is_full()
        if is_full or not mine.has_ended.wait(LONGEST_WAIT):
            self._commit_waiting()
        if mine.error is not None:
            raise mine.error

    def _is_full(self) -> bool:
        return 0 < len(self._waiting) >= min(self._working, MOST)

    def _commit_waiting(self) -> None:
        """Commits all that waits now. What another thread has taken before has ended when this returns."""
        with self._committing:
            with self._counting:
                batch, self._waiting = self._waiting, []
            try:
                self._write(batch)
            finally:
                for one in batch:
                    one.has_ended.set()

    def _write(self, batch: Sequence[HandIn]) -> None:
        """One transaction or, where that breaks, halves of it, down to the hand-ins that break alone."""
        try:
            if batch:
                self._commit(batch)
        except BaseException as error:
            if len(batch) > 1 and isinstance(error, Exception) and not isinstance(error, RetryLater):
                middle = len(batch) // 2
                self._write(batch[:middle])
                self._write(batch[middle:])
                return
            for one in batch:
                one.error = error
