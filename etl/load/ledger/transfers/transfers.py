"""Transfers between offices as the ledger knows them: who asked, who answered, and the decision on each row.

`claim` comes first: only one transfer at a time can have a contact. `plan` then keeps the manifest; `answer` keeps the
receiving user's answer, or that there was none; `start` and `close` stand around the import of the groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from etl.errors import ParamsError
from etl.load import bulk
from etl.load.ledger.store import Ledger, columns
from etl.load.ledger.tables import transfer, transfer_claim, transfer_group, transfer_record, transfer_row

# How a transfer can end before anything is written, and what each is called.
REFUSALS = ("rejected", "timed_out", "cancelled")
ENDED = (*REFUSALS, "closed", "failed", "returned")
MOVES = ("move", "recreate")
# Records that an office has once, for whichever contacts use them: no group of contacts owns them.
SHARED = ("carrier", "product")


@dataclass(frozen=True)
class Transfer:
    """One transfer; its id is the run's. ``status``: see `etl.load.ledger.tables`."""

    transfer_id: str
    source_office_id: int
    target_office_id: int
    source_database: str
    target_database: str
    requested_by: str
    receiving_user: str
    status: str = "planned"
    why: str | None = None
    planned_at: datetime | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    triggered_by: str | None = None


def fingerprint(url: str, apart: bool = False) -> str:
    """A database's name in the ledger: the same for every way to log in to it.

    ``apart``: another one by its options, too, such as the schema.
    """
    parsed = make_url(url)
    place = [parsed.get_backend_name(), parsed.host or "", str(parsed.port or ""), parsed.database or ""]
    if apart:
        place.append(str(sorted(parsed.query.items())))
    return hashlib.sha256("\x1f".join(place).encode()).hexdigest()[:32]


def claim(ledger: Ledger, database: str, contact_ids: Iterable[int], transfer_id: str) -> dict[int, str]:
    """Claims contacts for a transfer; gives those that another transfer has: contact id -> its transfer.

    Repeated for the same transfer it changes nothing. All other contacts are this transfer's until it ends (`answer`
    with a refusal, `close`).
    """
    wanted = sorted(set(map(int, contact_ids)))
    numbers = pd.Series(wanted, dtype="int64")
    rows = pd.DataFrame({"database": database, "contact_id": numbers, "transfer_id": transfer_id})
    with ledger.write() as connection:
        bulk.insert(connection, transfer_claim, rows, skip_known=True)
        return _claimed(connection, database, wanted, transfer_id)


def read_claimed(ledger: Ledger, database: str, contact_ids: Iterable[int], transfer_id: str) -> dict[int, str]:
    """Contact id -> its transfer, of those of the contacts that another transfer has; claims none."""
    with ledger.read() as connection:
        return _claimed(connection, database, sorted(set(map(int, contact_ids))), transfer_id)


def _claimed(connection: Connection, database: str, wanted: list[int], transfer_id: str) -> dict[int, str]:
    other = sa.select(transfer_claim.c.contact_id, transfer_claim.c.transfer_id).where(
        transfer_claim.c.database == database,
        transfer_claim.c.transfer_id != transfer_id,
        transfer_claim.c.contact_id.in_(bulk.id_list(connection, wanted)),
    )
    return dict(connection.execute(other).all())


def plan(ledger: Ledger, planned: Transfer, manifest: pd.DataFrame) -> None:
    """Keeps a transfer and its manifest; again for the same transfer (part of it was accepted) the new one replaces it.

    ``manifest``: entity, entity_id (text), contact_id, group (Int64; null for what is shared or stays on its own),
    decision (move | stay | recreate), rule_id, row_hash. Contacts that it does not move are released. Raises
    `ParamsError` for a transfer that was answered or cancelled.
    """
    with ledger.write() as connection:
        stands = sa.select(transfer.c.status).where(transfer.c.transfer_id == planned.transfer_id).with_for_update()
        if (status := connection.execute(stands).scalar()) not in (None, "planned"):
            raise ParamsError(f"The transfer {planned.transfer_id} is {status}: it cannot be planned anew.")
        kept = {name: value for name, value in asdict(planned).items() if value is not None}
        ledger.upsert(connection, transfer, [{"planned_at": ledger.now(), **kept}])
        for table in (transfer_record, transfer_row, transfer_group):
            connection.execute(sa.delete(table).where(table.c.transfer_id == planned.transfer_id))
        rows = manifest.rename(columns={"group": "group_no", "row_hash": "source_hash"})
        rows = rows.assign(transfer_id=planned.transfer_id)
        names = ["transfer_id", "entity", "entity_id"]
        bulk.insert(connection, transfer_record, rows[[*names, "decision", "rule_id"]])
        bulk.insert(connection, transfer_row, rows[[*names, "contact_id", "group_no", "source_hash"]])
        moved = rows[(rows["entity"] == "contact") & (rows["decision"] == "move")]
        groups = moved.groupby("group_no", as_index=False).agg(contacts=("entity_id", "size"))
        groups = groups.assign(transfer_id=planned.transfer_id, status="planned")
        bulk.insert(connection, transfer_group, groups)
        connection.execute(
            sa.delete(transfer_claim).where(
                transfer_claim.c.transfer_id == planned.transfer_id,
                transfer_claim.c.contact_id.not_in(bulk.id_list(connection, moved["contact_id"])),
            )
        )


def find(ledger: Ledger, transfer_id: str) -> Transfer | None:
    """A transfer as it stands."""
    mine = sa.select(*columns(Transfer, transfer)).where(transfer.c.transfer_id == transfer_id)
    return ledger.find_as(Transfer, mine)


def answer(ledger: Ledger, transfer_id: str, status: str, answered_by: str | None, why: str | None = None) -> Transfer:
    """planned -> accepted | rejected | timed_out | cancelled. A refusal ends the transfer; its contacts are free.

    The same answer again changes nothing. Raises `ParamsError` where another one was given before (a transfer can be
    cancelled up to its acceptance).
    """
    values = {"status": status, "why": why, "answered_by": answered_by, "answered_at": ledger.now()}
    with ledger.write() as connection:
        if move_on(connection, transfer_id, ["planned"], **values) and status in REFUSALS:
            free_contacts(connection, transfer_id)
    found = require(ledger, transfer_id)
    if found.status != status and not (status == "accepted" and found.status not in REFUSALS):
        raise ParamsError(f"The transfer {transfer_id} is {found.status.replace('_', ' ')}: it cannot be {status} now.")
    return found


def start(ledger: Ledger, transfer_id: str) -> Transfer:
    """accepted -> running; a transfer that was begun earlier goes on. Raises `ParamsError` for any other."""
    with ledger.write() as connection:
        move_on(connection, transfer_id, ["accepted"], status="running")
    found = find(ledger, transfer_id)
    if found is None or found.status not in ("running", "closed", "failed"):
        state = "unknown" if found is None else found.status.replace("_", " ")
        raise ParamsError(f"The transfer {transfer_id} is {state}: only one that was accepted can be carried out.")
    return found


def close(ledger: Ledger, transfer_id: str) -> Transfer:
    """Ends a transfer whose groups have ended: ``closed`` where any moved (or there was none), else ``failed``."""
    groups = read_groups(ledger, transfer_id)
    failed = int((groups["status"] == "failed").sum())
    status = "failed" if failed and failed == len(groups) else "closed"
    why = f"{failed} of {len(groups)} groups did not move" if failed else None
    with ledger.write() as connection:
        move_on(connection, transfer_id, ["accepted", "running"], status=status, why=why, closed_at=ledger.now())
        # Carriers and products that only groups needed which did not move.
        connection.execute(
            sa.update(transfer_record)
            .where(transfer_record.c.transfer_id == transfer_id, transfer_record.c.decision == "recreate")
            .where(transfer_record.c.entity.in_(SHARED), transfer_record.c.target_id.is_(None))
            .values(decision="failed")
        )
        free_contacts(connection, transfer_id)
    return require(ledger, transfer_id)


def move_on(connection: Connection, transfer_id: str, statuses: Sequence[str], **values: Any) -> bool:
    """Changes a transfer that has one of these statuses, within a transaction; gives whether it had one."""
    mine = (transfer.c.transfer_id == transfer_id, transfer.c.status.in_(statuses))
    return bool(connection.execute(sa.update(transfer).where(*mine).values(**values)).rowcount)


def free_contacts(connection: Connection, transfer_id: str) -> None:
    """Releases the contacts of a transfer, within a transaction."""
    connection.execute(sa.delete(transfer_claim).where(transfer_claim.c.transfer_id == transfer_id))


def require(ledger: Ledger, transfer_id: str) -> Transfer:
    """A transfer as it stands. Raises `ParamsError` where there is none."""
    found = find(ledger, transfer_id)
    if found is None:
        raise ParamsError(f"There is no transfer {transfer_id}.")
    return found


def read_unfinished(ledger: Ledger) -> list[str]:
    """The transfers that wait for an answer, are being carried out, or can go on where they stopped."""
    return ledger.column(sa.select(transfer.c.transfer_id).where(transfer.c.status.not_in(ENDED)))


def forget_unanswered(ledger: Ledger, longest: timedelta) -> None:
    """Ends transfers that were planned longer ago than an answer can take: their runs have ended."""
    waiting = sa.select(transfer.c.transfer_id).where(
        transfer.c.status == "planned", transfer.c.planned_at < ledger.now() - longest
    )
    for transfer_id in ledger.column(waiting):
        answer(ledger, transfer_id, "timed_out", None, "nobody answered in time")


def read_groups(ledger: Ledger, transfer_id: str) -> pd.DataFrame:
    """group_no, contacts, status, rule_id, entity, entity_id, why, written_at, retired_at of a transfer."""
    names = [column for column in transfer_group.c if column.name != "transfer_id"]
    mine = sa.select(*names).where(transfer_group.c.transfer_id == transfer_id)
    return ledger.frame(mine.order_by(transfer_group.c.group_no))


def read_manifest(ledger: Ledger, transfer_id: str, group_nos: Sequence[int] | None = None) -> pd.DataFrame:
    """entity, entity_id, contact_id, group, decision, rule_id, row_hash, target_id of a transfer, or of some groups.

    ``target_id`` is the row's key in the target once it has moved; a group that failed has decision ``failed`` on the
    rows that did not move.
    """
    row, record = transfer_row.c, transfer_record.c
    joined = sa.and_(
        row.transfer_id == record.transfer_id, row.entity == record.entity, row.entity_id == record.entity_id
    )
    statement = (
        sa.select(
            row.entity, row.entity_id, row.contact_id, row.group_no.label("group"), record.decision, record.rule_id,
            row.source_hash.label("row_hash"), record.target_id,
        )
        .select_from(sa.join(transfer_row, transfer_record, joined))
        .where(row.transfer_id == transfer_id)
    )  # fmt: skip
    if group_nos is not None:
        statement = statement.where(row.group_no.in_([int(number) for number in group_nos]))
    frame = ledger.frame(statement)
    return frame.astype({"contact_id": "Int64", "group": "Int64"})


def read_moved_contacts(ledger: Ledger, transfer_id: str) -> dict[int, str]:
    """Contact id -> its key in the target, of those that have moved."""
    record = transfer_record.c
    moved = sa.select(record.entity_id, record.target_id).where(
        record.transfer_id == transfer_id, record.entity == "contact", record.target_id.is_not(None)
    )
    return {int(key): target for key, target in ledger.mapping(moved).items()}


def read_id_map(ledger: Ledger, source_database: str, target_database: str, target_office_id: int) -> pd.DataFrame:
    """entity, source_id, target_id (text) of what earlier transfers moved or made anew in this office.

    What was returned is not among it (XFR-PRESENT, XFR-RELATIONS, XFR-CARRIER).
    """
    record = transfer_record.c
    statement = (
        sa.select(record.entity, record.entity_id.label("source_id"), record.target_id)
        .join(transfer, transfer.c.transfer_id == record.transfer_id)
        .where(
            transfer.c.source_database == source_database,
            transfer.c.target_database == target_database,
            transfer.c.target_office_id == target_office_id,
            transfer.c.status != "returned",
            record.target_id.is_not(None),
        )
        .order_by(transfer.c.planned_at)
    )
    return ledger.frame(statement).drop_duplicates(["entity", "source_id"], keep="last").astype("str")


def release(ledger: Ledger, transfer_id: str) -> None:
    """Releases the contacts of a transfer that was never planned, or whose run has ended."""
    with ledger.write() as connection:
        free_contacts(connection, transfer_id)
