"""Airflow's connections as the pipeline needs them: database URLs, and vendors' addresses with credentials."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol

from etl.databases import sqlite_url
from etl.errors import VENDOR_NAMES, SettingsError

# The options that a PostgreSQL connection's extra may hold: libpq's parameters, without those that have a field in
# the connection (except ``host``) and those that would change what is read.
LIBPQ_OPTIONS = frozenset((
    "application_name", "channel_binding", "connect_timeout", "fallback_application_name", "gssdelegation",
    "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "krbsrvname", "load_balance_hosts", "max_protocol_version", "min_protocol_version",
    "oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope", "options", "passfile",
    "require_auth", "requirepeer", "scram_client_key", "scram_server_key", "service", "ssl_max_protocol_version",
    "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression", "sslcrl", "sslcrldir", "sslkey",
    "sslkeylogfile", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni", "target_session_attrs",
    "tcp_user_timeout",
))  # fmt: skip


class AirflowConnection(Protocol):
    """The fields that are read of an Airflow connection."""

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
    """Looks connections up by their ids; ``find`` gives None for a missing one."""

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
        """The URL of the target office's database for a transfer; without a connection the CRM's own."""
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
        _refuse_options(name, connection, "A “?” in a path is written %3F in a URI.")
        path = connection.host or connection.schema or ""
        if connection.host and connection.schema:
            path = f"{connection.host.rstrip('/')}/{connection.schema}"
        return sqlite_url(f"/{path.lstrip('/')}")
    if connection.conn_type in ("postgres", "postgresql"):
        return _postgresql_url(name, connection)
    raise SettingsError(f"The connection `{name}` is of type {connection.conn_type!r}; it must be sqlite or postgres.")


def require_whole(variable: str, text: str) -> None:
    """Raises `SettingsError` for a URI that Airflow would cut off without a message."""
    if "#" in text and not text.lstrip().startswith("{"):
        raise SettingsError(
            f"{variable} has a “#”, and a URI ends there: what follows would be left out. Write %23 for it, or give "
            "the connection as JSON."
        )


def _postgresql_url(name: str, connection: AirflowConnection) -> str:
    _refuse_options(
        name, connection, "User, password, port and database have fields of their own; what is set in the session goes "
        "into options, for example -c search_path=crm.", LIBPQ_OPTIONS,
    )  # fmt: skip
    from sqlalchemy.engine import URL  # takes long: only who connects to PostgreSQL needs it

    given = {option: value for option, value in connection.extra_dejson.items() if value not in (None, "")}
    options = {option: str(int(value) if isinstance(value, bool) else value) for option, value in given.items()}
    host = connection.host or None
    if host is not None and host.startswith(("/", "@")):  # the folder of a socket, which a URL cannot have as a host
        options, host = {"host": host, **options}, None
    url = URL.create(
        "postgresql",
        connection.login or "",
        connection.password or None,
        host,
        connection.port,
        connection.schema,
        options,
    )
    return url.render_as_string(hide_password=False)


def _refuse_options(name: str, connection: AirflowConnection, hint: str, known: Collection[str] = ()) -> None:
    strangers = sorted(set(connection.extra_dejson) - set(known))
    if strangers:
        raise SettingsError(
            f"The connection `{name}` has {', '.join(strangers)} in its extra, which its database does not take. {hint}"
        )


def _address(connection: AirflowConnection) -> str:
    """The vendor's address: https, unless the connection says http or the vendor is on this machine."""
    scheme, between, host = str(connection.host).rpartition("://")
    if not between:
        usual = "http" if _is_loopback(host) and connection.conn_type != "https" else "https"
        scheme = connection.schema if connection.schema in ("http", "https") else usual
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{host.rstrip('/')}{port}"


def _is_loopback(host: str) -> bool:
    name = host.strip("[]/").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


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
