"""Which notices people got by e-mail, and which still have to be sent.

A notice about one thing exists once for each recipient. It is noted before its mail leaves. A mail whose sending broke
off may have arrived: it is not sent again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from etl.load.ledger.desk.items import MENDED
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import notice, work_item, work_unit

DIGEST = "digest:"


@dataclass(frozen=True)
class Notice:
    """What one recipient gets to know: ``about`` says what it is about, ``content`` has codes, counts and ids."""

    recipient: str
    about: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """How much a steward has to do: items that stand open, and what is new and mended since a moment."""

    items: int
    critical: int
    households: int
    persons: int
    new: int
    mended: int

    @property
    def has_changed(self) -> bool:
        """Whether anything is new or mended."""
        return bool(self.new or self.mended)


def note(ledger: Ledger, notices: Iterable[Notice]) -> None:
    """Notes what has to be sent; a notice that its recipient has, or will get, is left out."""
    at = ledger.now()
    with ledger.write() as connection:
        for one in notices:
            mine = matching(notice, recipient=one.recipient, about=one.about)
            if connection.execute(sa.select(notice.c.notice_id).where(*mine)).first() is None:
                row = {
                    "recipient": one.recipient,
                    "about": one.about,
                    "content": json.dumps(one.content),
                    "made_at": at,
                }
                ledger.insert(connection, notice, [row])


def read_waiting(ledger: Ledger, since: datetime) -> dict[int, Notice]:
    """The notices that were made since a moment and still have to be sent, by their ids, oldest first."""
    waiting = sa.select(notice).where(notice.c.begun_at.is_(None), notice.c.made_at >= since)
    return {
        row["notice_id"]: Notice(row["recipient"], row["about"], json.loads(row["content"]))
        for row in ledger.rows(waiting.order_by(notice.c.notice_id))
    }


def begin(ledger: Ledger, notice_id: int) -> bool:
    """Notes that the mail is about to leave. False where another process has begun it."""
    mine = (notice.c.notice_id == notice_id, notice.c.begun_at.is_(None))
    with ledger.write() as connection:
        return connection.execute(sa.update(notice).where(*mine).values(begun_at=ledger.now())).rowcount == 1


def end(ledger: Ledger, notice_id: int, is_sent: bool) -> None:
    """The mail is sent; or it surely was not, and is sent the next time."""
    values = {"sent_at": ledger.now()} if is_sent else {"begun_at": None}
    ledger.execute(sa.update(notice).where(notice.c.notice_id == notice_id).values(**values))


def forget_digests(ledger: Ledger, recipient: str, but: str) -> None:
    """A digest that could not be sent is not sent when there is a newer one (``but``)."""
    old = (notice.c.recipient == recipient, notice.c.about.startswith(DIGEST), notice.c.about != but)
    ledger.execute(sa.delete(notice).where(*old, notice.c.begun_at.is_(None)))


def last_digest(ledger: Ledger, recipient: str) -> datetime | None:
    """When the last digest that the recipient has got was made."""
    theirs = (notice.c.recipient == recipient, notice.c.about.startswith(DIGEST), notice.c.begun_at.is_not(None))
    made: datetime | None = ledger.first(sa.select(notice.c.made_at).where(*theirs).order_by(notice.c.made_at.desc()))
    return made


def count_work(ledger: Ledger, since: datetime, *, steward: str | None = None, office_id: int | None = None) -> Work:
    """The work of a steward, of an office, or of all.

    A steward's items are those that are assigned to that steward, and those of the steward's own clients that are
    assigned to nobody. Items of severity info are nobody's work.
    """
    joined = work_item.outerjoin(work_unit, work_unit.c.unit_key == work_item.c.unit_key)
    mine = [work_item.c.severity != "info"]
    if steward is not None:
        is_own = work_item.c.assigned_to.is_(None) & (work_unit.c.advisor == steward)
        mine.append((work_item.c.assigned_to == steward) | is_own)
    if office_id is not None:
        mine.append(work_unit.c.office_id == office_id)
    is_open, is_household = work_item.c.state != MENDED, work_item.c.unit_key.startswith("H")

    def count(*conditions: sa.ColumnElement[bool], of: sa.ColumnElement[Any] = work_item.c.item_id) -> Any:
        return sa.func.count(sa.case((sa.and_(*conditions), of)).distinct())

    (row,) = ledger.rows(
        sa.select(
            count(is_open).label("items"),
            count(is_open, work_item.c.severity == "critical").label("critical"),
            count(is_open, is_household, of=work_item.c.unit_key).label("households"),
            count(is_open, ~is_household, of=work_item.c.unit_key).label("persons"),
            count(is_open, work_item.c.opened_at > since).label("new"),
            count(~is_open, work_item.c.closed_at > since).label("mended"),
        ).select_from(joined).where(*mine)
    )  # fmt: skip
    return Work(**row)
