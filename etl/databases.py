"""The address of a database as each library takes it: SQLAlchemy a URL, SQLite a file's URI, libpq a list of words.

A path, a name or an option may hold any character: ``#``, ``?``, ``%41``, blanks. Each form is made here alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


def sqlite_url(path: Path | str) -> str:
    """The URL of a SQLite file for SQLAlchemy."""
    return f"sqlite:///{quote(str(path))}"


def sqlite_uri(path: Path | str, **query: str) -> str:
    """The URI of a SQLite file for SQLite itself, for example with ``mode="ro"``."""
    return f"file:{quote(str(path))}?{urlencode(query)}"


def for_reading(url: URL, **query: str) -> URL:
    """The URL by which SQLAlchemy opens a SQLite file read only; a file that is not there is not made."""
    return url.set(database=f"file:{quote(url.database or '')}", query={"uri": "true", "mode": "ro", **query})


def conninfo(url: URL) -> str:
    """A PostgreSQL database for libpq, with all its options: SQLAlchemy's way to write a URL is not libpq's."""
    from psycopg.conninfo import make_conninfo
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    _, options = PGDialect_psycopg().create_connect_args(url)  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here
    return make_conninfo(**options)
