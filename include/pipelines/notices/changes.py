"""What there is to say, and to whom: changes of state, and in the morning the digests."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from etl.load.ledger.desk.notices import DIGEST, Notice, count_work, last_digest
from etl.load.ledger.desk.states import changed_runs, ending_waivers, waiting_questions, waiting_transfers
from etl.load.ledger.store import Ledger
from include.runtime.notice_addresses import OPERATORS, office_of

# What is older is no news: notices that are switched on begin with the present.
HORIZON = timedelta(days=2)
_SATURDAY = 5


def changes_of_state(ledger: Ledger, recipients: Collection[str], timezone: str) -> Iterator[Notice]:
    """What has changed, for the operators and for the people whom it concerns, as far as they have an address."""
    since, today = ledger.now() - HORIZON, _local(ledger, timezone).date()
    changes = (
        changed_runs(ledger, since), waiting_questions(ledger, since), waiting_transfers(ledger, since),
        ending_waivers(ledger, today),
    )  # fmt: skip
    for change in chain.from_iterable(changes):
        for recipient in dict.fromkeys((OPERATORS, *change.people)):
            if recipient is not None and recipient in recipients:
                yield Notice(recipient, change.about, change.content)


def _local(ledger: Ledger, timezone: str) -> datetime:
    return ledger.now().replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))


def digests(ledger: Ledger, recipients: Collection[str], timezone: str, digest_at: time) -> Iterator[Notice]:
    """One for each recipient and morning of a weekday; none where nothing is new or mended since the last one."""
    local = _local(ledger, timezone)
    if local.weekday() >= _SATURDAY or local.time() < digest_at:
        return
    for recipient in recipients:
        before = last_digest(ledger, recipient)
        office_id = office_of(recipient)
        steward = None if recipient == OPERATORS or office_id is not None else recipient
        work = count_work(ledger, before or datetime.min, steward=steward, office_id=office_id)
        if work.has_changed:
            content = {"kind": "digest", "day": local.date().isoformat(), "is_first": before is None, **asdict(work)}
            yield Notice(recipient, f"{DIGEST}{local.date()}", content)
