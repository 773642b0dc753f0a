"""Finds the ledger for a question, with what stands in the environment and the driver of SQLite alone.

A connection comes from ``AIRFLOW_CONN_<ID>`` or from Airflow itself (its database, a secrets backend). Importing
Airflow takes seconds, and SQLAlchemy or the settings take longer than the answer: a command that must answer at once
reads what stands in the environment by itself, and asks Airflow only where something may be kept there.
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

from etl.databases import sqlite_uri
from etl.errors import LedgerUnavailable, SettingsError
from etl.load.ledger import migrations, story
from etl.load.ledger.story import QuickLedger, Rows
from include import DATA_FOLDER, ROOT
from include.runtime.connections import AirflowConnection, Connections, require_whole

# Where `make demo` and `make up` keep their data: the command finds their ledger where there is no other.
DEMO = Path(".planbridge/demo")


def ledger_for_questions() -> Rows:
    """The ledger for reading. Raises `SettingsError` where no run has been made, `LedgerUnavailable`."""
    quick = _quick_ledger()
    if quick is not None:
        return quick
    from include.commands.operator import open_ledger, operator_settings

    return open_ledger(operator_settings())


def _quick_ledger() -> QuickLedger | None:
    """A SQLite ledger that has runs and needs no upgrade; None where the ledger has to be found by all means."""
    url = Connections(find_quickly).ledger
    if url is not None and not url.startswith("sqlite:///"):
        return None
    places = [Path(unquote(url.removeprefix("sqlite:///")))] if url else [*map(_ledger_in, _folders())]
    for place in filter(has_bytes, places):
        try:
            ledger = _opened(place)
            if story.has_runs(ledger):
                return ledger if story.revision(ledger) == migrations.newest_revision() else None
        except LedgerUnavailable:
            return None
    return None


def _ledger_in(folder: Path) -> Path:
    return (ROOT / folder).resolve() / "ledger.db"


def _folders() -> list[Path]:
    """The data folder and, where the shell names no installation, the demo's."""
    given = {name.upper(): value for name, value in os.environ.items()}
    folder = Path(given.get("PLANBRIDGE__DATA__FOLDER", DATA_FOLDER))
    return [folder] if is_named() else [folder, DEMO]


def _opened(place: Path) -> QuickLedger:
    """Without the right to write, and without a WAL file, nobody has the database open: it is read as immutable."""
    if all(os.access(each, os.W_OK) for each in (place, place.parent)):
        return QuickLedger(sqlite_uri(place, mode="rw"), str(place))
    is_open = place.with_name(f"{place.name}-wal").exists()
    return QuickLedger(sqlite_uri(place, mode="ro", **({} if is_open else {"immutable": "1"})), str(place))


def is_named() -> bool:
    """Whether the shell names an installation, in part or as a whole."""
    return any(name.upper().startswith(("AIRFLOW_CONN_", "PLANBRIDGE__DATA__FOLDER")) for name in os.environ)


def has_bytes(path: Path) -> bool:
    """Whether a file is there and not empty. Raises `LedgerUnavailable` where it cannot be read."""
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


def find_quickly(conn_id: str) -> AirflowConnection | None:
    """A connection as Airflow finds it; None where there is none."""
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
