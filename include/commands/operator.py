"""What the commands for operators share: settings, and the ledger as the DAGs find it.

A connection comes from ``AIRFLOW_CONN_<ID>`` or from Airflow itself (its database, a secrets backend). Importing
Airflow takes seconds: a command that must answer at once reads what stands in the environment by itself, and asks
Airflow only where something may be kept there.
"""

from __future__ import annotations

import configparser
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rich.console import Console
from sqlalchemy.engine import make_url

from etl.databases import sqlite_uri
from etl.errors import LedgerUnavailable, SettingsError
from etl.load.ledger.runs import has_runs
from etl.load.ledger.store import Ledger, default_url
from include import ROOT
from include.pipelines.run.context import RunContext, RunRequest
from include.runtime.connections import AirflowConnection, Connections, require_whole
from include.runtime.context import data_folder_of
from include.runtime.settings import Settings, read_settings

# Where `make demo` and `make up` keep their data: the command finds their ledger where there is no other.
DEMO = Path(".planbridge/demo")


def operator_settings() -> Settings:
    """The settings; where the shell names no installation and the default one had no run, the demo's is taken."""
    settings = read_settings()
    named = any(name.upper().startswith(("AIRFLOW_CONN_", "PLANBRIDGE__DATA__FOLDER")) for name in os.environ)
    if named or _find_ledger(_default_url(settings.data.folder)) or not _find_ledger(_default_url(DEMO)):
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
    url = Connections(_find_quickly).ledger or default_url(data_folder_of(settings))
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


def _default_url(folder: Path) -> str:
    return default_url(ROOT / folder)


def _find_ledger(url: str) -> Ledger | None:
    """The ledger as it stands; None where no run has been made."""
    parsed = make_url(url)
    read_only = False
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if not _has_bytes(path):
            return None
        read_only = not all(os.access(place, os.W_OK) for place in (path, path.parent))
    ledger = Ledger(url, read_only=read_only)
    return ledger if has_runs(ledger) else None


def _has_bytes(path: Path) -> bool:
    try:
        if not path.is_file() or not path.stat().st_size:
            return False
        path.open("rb").close()
    except OSError as error:
        raise LedgerUnavailable(
            f"The ledger {path} cannot be read ({error.strerror}). Ask as a user who may read it, or set "
            "PLANBRIDGE__DATA__FOLDER or AIRFLOW_CONN_LEDGER."
        ) from None
    return True


@dataclass
class GivenConnection:
    """A connection as it stands in the environment."""

    conn_type: str
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    extra_dejson: dict[str, Any] = field(default_factory=dict, repr=False)


def _find_quickly(conn_id: str) -> AirflowConnection | None:
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    text = os.environ.get(variable)
    if text:
        require_whole(variable, text)
        return read_connection(variable, text)
    if not _may_be_kept(conn_id):
        return None
    from include.runtime.task_boundary import find_connection

    return find_connection(conn_id)


def read_connection(variable: str, text: str) -> GivenConnection:
    """A connection's URI or JSON, as Airflow reads them. Raises `SettingsError`."""
    try:
        if text.lstrip().startswith("{"):
            given = json.loads(text)
            extra = given.get("extra") or {}
            more = json.loads(extra) if isinstance(extra, str) else extra
            names = ("conn_type", "host", "schema", "login", "password")
            port = int(given["port"]) if given.get("port") else None
            return GivenConnection(port=port, extra_dejson=more, **{name: given.get(name) for name in names})
        parts = urlsplit(text)
        plain = [unquote(part) if part else None for part in (parts.hostname, parts.path[1:], parts.username)]
        password = unquote(parts.password) if parts.password else None
        return GivenConnection(
            parts.scheme, plain[0], parts.port, plain[1], plain[2], password, dict(parse_qsl(parts.query))
        )
    except (ValueError, TypeError, AttributeError):
        raise SettingsError(f"{variable} is neither a URI nor JSON that Airflow can read.") from None


def _may_be_kept(conn_id: str) -> bool:
    """Whether Airflow may know the connection from elsewhere than the environment."""
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    file = configparser.ConfigParser(interpolation=None, strict=False)
    file.read(home / "airflow.cfg")
    if _option(file, "secrets", "backend"):
        return True
    database = _option(file, "database", "sql_alchemy_conn") or f"sqlite:///{home}/airflow.db"
    if not database.startswith("sqlite:///"):
        return True
    path = Path(database.removeprefix("sqlite:///").partition("?")[0])
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(sqlite_uri(path, mode="ro"), uri=True)) as connection:
            return connection.execute("SELECT 1 FROM connection WHERE conn_id = ?", [conn_id]).fetchone() is not None
    except sqlite3.Error:
        return True


def _option(file: configparser.ConfigParser, section: str, name: str) -> str:
    given = os.environ.get(f"AIRFLOW__{section}__{name}".upper())
    return given or file.get(section, name, fallback="") or ""
