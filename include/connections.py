"""Airflow's connections as the pipeline needs them: database URLs and vendors' addresses with their credentials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from etl.errors import VENDOR_NAMES, SettingsError

# Of a PostgreSQL connection's extra, what goes on to the database's driver: above all how it is to be encrypted.
LIBPQ_OPTIONS = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name")


class AirflowConnection(Protocol):
    """What is read of an Airflow connection."""

    conn_type: str
    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: str | None

    @property
    def extra_dejson(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class VendorAccess:
    """A vendor's address and credentials; ``private_key`` (PEM) is eMoney's."""

    base_url: str
    login: str
    password: str = field(repr=False)
    private_key: str = field(default="", repr=False)


class Connections:
    """Looks connections up by their contract ids; ``find`` gives None for an id that is not there."""

    def __init__(self, find: Callable[[str], AirflowConnection | None]) -> None:
        self._find = find

    @property
    def crm(self) -> str:
        """The CRM's URL."""
        connection = self._find("crm")
        if connection is None:
            raise SettingsError(
                "The connection `crm` is missing. Set AIRFLOW_CONN_CRM to sqlite:////absolute/path.db or "
                "postgresql://user:password@host:port/name, or add it under Admin › Connections."
            )
        return database_url("crm", connection)

    @property
    def crm_target(self) -> str:
        """The URL of the target office's database for a transfer: the CRM's own where there is none."""
        connection = self._find("crm_target")
        return self.crm if connection is None else database_url("crm_target", connection)

    @property
    def ledger(self) -> str | None:
        """The ledger's URL; None: SQLite under the data folder."""
        connection = self._find("ledger")
        return None if connection is None else database_url("ledger", connection)

    def vendor(self, name: str) -> VendorAccess:
        """A vendor's access. Raises `SettingsError` where it is missing or incomplete."""
        connection = self._find(name)
        if connection is None:
            others = " or ".join(VENDOR_NAMES[other] for other in VENDOR_NAMES if other != name)
            raise SettingsError(
                f"The connection `{name}` is missing: the vendor is not configured. Add it (http: host, port, schema, "
                f"login, password) as AIRFLOW_CONN_{name.upper()} or under Admin › Connections, or run for {others} "
                "alone."
            )
        if not connection.host or not connection.login:
            raise SettingsError(f"The connection `{name}` needs a host and a login.")
        private_key = _private_key(connection.extra_dejson) if name == "emoney" else ""
        return VendorAccess(_address(connection), connection.login, connection.password or "", private_key)


def database_url(name: str, connection: AirflowConnection) -> str:
    """A database connection as a URL. Raises `SettingsError` for another kind of database."""
    if connection.conn_type == "sqlite":
        path = connection.host or connection.schema or ""
        if connection.host and connection.schema:
            path = f"{connection.host.rstrip('/')}/{connection.schema}"
        return f"sqlite:////{path.lstrip('/')}"
    if connection.conn_type in ("postgres", "postgresql"):
        user = quote(connection.login or "", safe="")
        password = f":{quote(connection.password, safe='')}" if connection.password else ""
        port = f":{connection.port}" if connection.port else ""
        extra = connection.extra_dejson
        options = {name: str(extra[name]) for name in LIBPQ_OPTIONS if extra.get(name)}
        query = f"?{urlencode(options, quote_via=quote)}" if options else ""
        return f"postgresql://{user}{password}@{connection.host or ''}{port}/{connection.schema or ''}{query}"
    raise SettingsError(f"The connection `{name}` is of type {connection.conn_type!r}; it must be sqlite or postgres.")


def _address(connection: AirflowConnection) -> str:
    host = str(connection.host)
    if "://" in host:
        scheme, host = host.split("://", 1)
    else:
        scheme = connection.schema if connection.schema in ("http", "https") else connection.conn_type
        scheme = scheme if scheme in ("http", "https") else "http"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{host.rstrip('/')}{port}"


def _private_key(extra: dict[str, Any]) -> str:
    if extra.get("private_key"):
        return str(extra["private_key"]).replace("\\n", "\n")
    file = extra.get("private_key_file")
    if not file:
        raise SettingsError("The connection `emoney` needs `private_key` (PEM) or `private_key_file` in its extra.")
    try:
        return Path(file).read_text()
    except OSError as error:
        raise SettingsError(
            f"The private key file {file} of the connection `emoney` cannot be read ({error.strerror}). Correct "
            "`private_key_file` in its extra, or make the file readable."
        ) from None
