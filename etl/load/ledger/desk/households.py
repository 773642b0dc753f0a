"""What the page of a household asks the ledger beside its items: its records at the vendors; values that were shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from etl.errors import ParamsError
from etl.load.ledger.desk import audit
from etl.load.ledger.desk.audit import Entry
from etl.load.ledger.desk.work import NOTE_CHARACTERS
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import link


@dataclass(frozen=True)
class LinkRow:
    """The vendor's record of a unit, since when, and how it was found."""

    vendor: str
    vendor_client_id: str
    vendor_case_id: str | None
    linked_at: datetime
    matched_by: str


def read_links(ledger: Ledger, unit_key: str) -> dict[str, LinkRow]:
    """vendor -> its record of a unit."""
    mine = sa.select(*columns(LinkRow, link)).where(*matching(link, unit_key=unit_key))
    return {row.vendor: row for row in ledger.read_as(LinkRow, mine)}


def note_shown(ledger: Ledger, name: str, unit_key: str, record: str, reason: str) -> None:
    """Notes in the audit that somebody has the values of a record shown; they may be shown once it has returned.

    Raises `ParamsError` where no reason is given, or too long a one.
    """
    if not reason.strip():
        raise ParamsError("Say why you need to see the values: the reason goes into the audit.")
    if len(reason) > NOTE_CHARACTERS:
        raise ParamsError(f"The reason has {len(reason):,} characters: at most {NOTE_CHARACTERS:,} are kept.")
    with ledger.write() as connection:
        entry = Entry(name, "values shown", f"unit:{unit_key}", after={"record": record}, reason=reason.strip())
        audit.append(ledger, connection, entry)
