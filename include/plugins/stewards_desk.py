"""The stewards' desk in Airflow's web UI: an entry of the menu, and a tab on each run.

The API server alone serves the desk, and loads it when somebody first asks for it: no other process of Airflow pays for
it. The code is in `include.desk`. The entry of the menu opens a window of its own: Airflow shows a plugin's page in a
frame whose links cannot open another window, such as a record in the CRM. It stands under *Browse*, because Airflow
3.3.2 draws such an entry of the top level as a button that leads nowhere.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

Application = Callable[..., Awaitable[None]]
PREFIX = "/desk"


def load() -> Application:
    """The desk's application. The checkout is put on the path where a deployment has only its plugins there."""
    checkout = str(Path(__file__).resolve().parents[2])
    if checkout not in sys.path:
        sys.path.append(checkout)
    from include.desk.app import airflow_desk, create_app

    return create_app(airflow_desk())


class LoadedWhenAsked:
    """ASGI application that is made by the first request; the others wait. What stops it is tried again."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._made: Application | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Passes a request on."""
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
        await self._made(scope, receive, send)


def _at(path: str) -> str:
    root = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return f"{root}{PREFIX}{path}"


class StewardsDeskPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_stewards_desk"
    fastapi_apps: ClassVar[list[Any]] = [
        {"name": "Stewards' desk", "app": LoadedWhenAsked(load), "url_prefix": PREFIX},
    ]
    external_views: ClassVar[list[Any]] = [
        {"name": "Stewards' desk", "href": _at("/"), "destination": "nav", "category": "browse"},
        {
            "name": "Stewards' desk",
            "href": _at("/runs/{RUN_ID}"),
            "destination": "dag_run",
            "url_route": "desk-of-the-run",
        },
    ]
