"""Which offices a user of the desk may see: those of the CRM user of the same name.

Known for a minute: somebody who is disabled in the CRM sees nothing a minute later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from etl.extract.desk import CrmUser, read_crm_user
from etl.extract.source import Snapshot

SECONDS = 60


class Scopes:
    """Asks the CRM for a user at most once a minute. Raises `SourceUnavailable` where it does not answer."""

    def __init__(
        self, crm: Callable[[], AbstractContextManager[Snapshot]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._crm = crm
        self._clock = clock
        self._known: dict[str, tuple[float, CrmUser | None]] = {}

    def crm_user(self, name: str) -> CrmUser | None:
        """The CRM user of that name; None where there is none."""
        now = self._clock()
        asked_at, user = self._known.get(name, (float("-inf"), None))
        if now - asked_at >= SECONDS:
            with self._crm() as snapshot:
                user = read_crm_user(snapshot, name)
            self._known[name] = (now, user)
        return user
