"""What the commands for operators share: settings, and the ledger as the DAGs find it."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from sqlalchemy import inspect
from sqlalchemy.engine import make_url

from etl.errors import SettingsError
from etl.load.ledger import story
from etl.load.ledger.store import Ledger, default_url
from include import ROOT
from include.commands.quick import DEMO, find_quickly, has_bytes, is_named
from include.pipelines.run.context import RunContext, RunRequest
from include.runtime.connections import Connections
from include.runtime.context import data_folder_of
from include.runtime.settings import Settings, read_settings


def operator_settings() -> Settings:
    """The settings; where the shell names no installation and the default one had no run, the demo's is taken."""
    settings = read_settings()
    if is_named() or _find_ledger(_default_url(settings.data.folder)) or not _find_ledger(_default_url(DEMO)):
        return settings
    return settings.model_copy(update={"data": settings.data.model_copy(update={"folder": DEMO})})


def operator_context(request: RunRequest, settings: Settings) -> RunContext:
    """Everything that a command about earlier runs needs. Raises `SettingsError` where there are none."""
    open_ledger(settings)
    return RunContext(request, settings, operator_connections())


def operator_connections() -> Connections:
    """Connections as Airflow finds them."""
    from include.runtime.task_boundary import find_connection

    return Connections(find_connection)


def open_ledger(settings: Settings) -> Ledger:
    """The ledger for reading, upgraded where the code needs it. Raises `SettingsError` where no run has been made."""
    ledger = ledger_as_it_stands(settings)
    if not ledger.is_current():
        ledger.migrate(lambda line: Console(stderr=True).print(line, soft_wrap=True))
    return ledger


def ledger_as_it_stands(settings: Settings) -> Ledger:
    """The ledger, neither made nor upgraded. Raises `SettingsError` where no run has been made."""
    url = ledger_url(settings)
    ledger = _find_ledger(url)
    if ledger is None:
        where = make_url(url)
        place = (
            where.database
            if where.get_backend_name() == "sqlite"
            else f"{where.host}:{where.port or 5432}/{where.database}"
        )
        raise SettingsError(
            f"The ledger {place} is not there or empty: no run has been made there. Set PLANBRIDGE__DATA__FOLDER or "
            "AIRFLOW_CONN_LEDGER as the DAGs have them."
        )
    return ledger


def ledger_url(settings: Settings, connections: Connections | None = None) -> str:
    """Where the ledger is, or would be made; ``connections``: by default those of the shell, else of the demo."""
    return (connections or Connections(find_quickly)).ledger or default_url(data_folder_of(settings))


def _default_url(folder: Path) -> str:
    return default_url(ROOT / folder)


def _find_ledger(url: str) -> Ledger | None:
    """The ledger as it stands; None where no run has been made."""
    parsed = make_url(url)
    read_only = False
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if not has_bytes(path):
            return None
        read_only = not all(os.access(place, os.W_OK) for place in (path, path.parent))
    ledger = Ledger(url, read_only=read_only)
    with ledger.read() as connection:
        is_made = inspect(connection).has_table("run")
    return ledger if is_made and story.has_runs(ledger) else None
