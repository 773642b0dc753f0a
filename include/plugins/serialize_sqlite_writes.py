"""Lets many trigger at once where Airflow's own database is SQLite, as in `make up`.

SQLite takes one writer at a time. Airflow's API server notes each call from inside its event loop, and so waits there
for a call that has written already and needs the loop to end: with two calls at once nothing moves until SQLite gives
up, and the scheduler with it. This plugin lets calls that write come one after the other. On PostgreSQL nothing is
held back.

The desk asks Airflow's API within a call of its own (`include.desk.airflow`): the inner call goes in the turn of the
outer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

READS = ("GET", "HEAD", "OPTIONS")
Application = Callable[..., Awaitable[None]]
_has_turn = ContextVar("has_turn", default=False)


class SerializeWrites:
    """ASGI middleware: one call that may write is under way at a time."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Passes a call on, in its turn."""
        if scope["type"] != "http" or scope["method"] in READS or _has_turn.get():
            await self._app(scope, receive, send)
            return
        async with self._turn:
            mine = _has_turn.set(True)
            try:
                await self._app(scope, receive, send)
            finally:
                _has_turn.reset(mine)


def _is_sqlite() -> bool:
    return str(conf.get("database", "sql_alchemy_conn", fallback="")).startswith("sqlite")


class SerializeSqliteWritesPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_serialize_sqlite_writes"
    fastapi_root_middlewares: ClassVar[list[Any]] = (
        [{"name": "One writer at a time", "middleware": SerializeWrites}] if _is_sqlite() else []
    )
