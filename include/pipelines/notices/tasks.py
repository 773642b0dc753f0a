"""The task of `send_notices`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.runtime.task_boundary import find_connection, in_words

if TYPE_CHECKING:
    from include.pipelines.notices.sending import NoticesContext


def send_notices() -> dict[str, int]:
    """Sends what has changed; in the morning also the digests."""
    from include.pipelines.notices.sending import send_notices as send

    return in_words(notices_context, send)


def notices_context() -> NoticesContext:
    """Settings and ledger, made from Airflow's connections."""
    from include.pipelines.notices.sending import NoticesContext
    from include.runtime.connections import Connections
    from include.runtime.context import ledger_of
    from include.runtime.run_page import desk_path
    from include.runtime.settings import settings

    desk_url = settings().notices.desk_url or desk_path()
    return NoticesContext(settings(), ledger_of(settings(), Connections(find_connection)), desk_url.rstrip("/"))
