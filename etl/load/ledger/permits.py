"""The calls that one API key may make, counted in a PostgreSQL ledger by the server's clock, for all machines.

A call counts from before it is sent until a window after its end: however long it travels, the vendor never counts
more than the limit. A living process extends the leases of its calls; a call of a process that died is over when its
lease is, at ``over_at``. Who asks first is served first: an asker that finds no room gets a ticket, and later askers
leave room for it. An asker that is silent for long is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from etl.errors import LedgerUnavailable
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import vendor_call, vendor_waiter

ASKER_SILENT = 4.0  # seconds


@dataclass(frozen=True)
class Ask:
    """``wanted`` calls now, by the ``ticket`` of an earlier ask.

    At most ``calls`` count at once and ``in_flight`` are under way; ``window`` and ``lease`` in seconds. ``under_way``:
    calls whose leases are extended; ``ended``: call and the seconds since its end.
    """

    key: str
    calls: int
    in_flight: int
    window: float
    lease: float
    wanted: int
    ticket: int | None
    under_way: Iterable[int] = ()
    ended: Iterable[tuple[int, float]] = ()


@dataclass(frozen=True)
class Granted:
    """The calls that may start now; where there are none a ticket, and the seconds until there may be room if known."""

    calls: tuple[int, ...]
    ticket: int | None
    room_in: float | None


def ask(ledger: Ledger, given: Ask) -> Granted:
    """Settles what has ended and grants what there is room for, in one transaction and one round trip.

    Raises `LedgerUnavailable`.
    """
    import psycopg  # takes long, and a ledger on SQLite needs none of this

    with ledger.read() as connection:
        driver: Any = connection.connection.dbapi_connection  # psycopg's own cursors take several statements at once
        try:
            with driver.cursor() as cursor:
                cursor.execute(_script(given).encode())
                while cursor.nextset():
                    pass
                calls, ticket, room_in = cursor.fetchone() or ([], None, None)
        except psycopg.Error as error:
            raise LedgerUnavailable(
                f"The ledger at {ledger.place} cannot count the calls of an API key ({type(error).__name__}). Check "
                "that it can be reached and written; then run again, nothing is lost."
            ) from None
    return Granted(tuple(calls), ticket, room_in)


_NOW = "extract(epoch FROM clock_timestamp())::float8"

# Each statement sees what was there once the lock was held.
_ASK = """
SELECT pg_advisory_xact_lock(hashtext('{calls}'), hashtext({key}));
{settle}
{extend}
DELETE FROM {calls} WHERE limiter = {key} AND coalesce(ended_at, over_at) <= {now} - {window};
DELETE FROM {waiters} WHERE limiter = {key} AND seen_at <= {now} - {silent};
WITH standing AS MATERIALIZED (
    SELECT count(*) AS counted, count(*) FILTER (WHERE ended_at IS NULL AND over_at > {now}) AS flying,
        (SELECT coalesce(sum(wanted), 0) FROM {waiters}
         WHERE limiter = {key} AND ticket < coalesce({ticket}, ticket + 1)) AS ahead
    FROM {calls} WHERE limiter = {key}
), room AS MATERIALIZED (
    SELECT greatest(0, least({wanted}, {most} - counted - ahead,
        {in_flight} - flying - ahead))::int AS calls, counted + ahead - {most} AS to_leave
    FROM standing
), granted AS (
    INSERT INTO {calls} (limiter, over_at)
    SELECT {key}, {now} + {lease} FROM room, generate_series(1, room.calls) RETURNING call_id
), served AS (
    DELETE FROM {waiters} WHERE ticket = {ticket} AND (SELECT calls FROM room) > 0
), queued AS (
    INSERT INTO {waiters} (ticket, limiter, wanted, seen_at)
    SELECT coalesce({ticket}, nextval(pg_get_serial_sequence('{waiters}', 'ticket'))), {key}, {wanted},
        {now}
    FROM room WHERE calls = 0 AND {wanted} > 0
    ON CONFLICT (ticket) DO UPDATE SET wanted = excluded.wanted, seen_at = excluded.seen_at RETURNING ticket
)
SELECT array(SELECT call_id FROM granted), (SELECT ticket FROM queued), (
    SELECT coalesce(ended_at, over_at) + {window} - {now} FROM {calls} WHERE limiter = {key}
    ORDER BY coalesce(ended_at, over_at) OFFSET greatest(0, (SELECT to_leave FROM room))
    LIMIT CASE WHEN (SELECT to_leave FROM room) >= 0 THEN 1 ELSE 0 END
);
"""


def _script(given: Ask) -> str:
    """The statements of one transaction. All that is put in is a number; the key is a hash in hexadecimal digits."""
    ended = ", ".join(f"({int(call)}::bigint, {max(0.0, age):.6f}::float8)" for call, age in given.ended)
    settle = (
        f"UPDATE {vendor_call} AS call SET ended_at = least(call.over_at, {_NOW} - ended.age) "
        f"FROM (VALUES {ended}) AS ended (call_id, age) WHERE call.call_id = ended.call_id;"
    )
    held = ", ".join(str(int(call)) for call in given.under_way)
    extend = f"UPDATE {vendor_call} SET over_at = {_NOW} + {float(given.lease)} WHERE call_id IN ({held});"
    return _ASK.format(
        calls=vendor_call, waiters=vendor_waiter, now=_NOW, key=f"'{int(given.key, 16):x}'",
        settle=settle if ended else "", extend=extend if held else "", silent=ASKER_SILENT,
        ticket="NULL::bigint" if given.ticket is None else f"{int(given.ticket)}::bigint",
        wanted=int(given.wanted), most=int(given.calls), in_flight=int(given.in_flight),
        window=float(given.window), lease=float(given.lease),
    )  # fmt: skip
