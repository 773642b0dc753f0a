"""A vendor's connection, key, log-in and clock. Nothing is written there: the log-in is the only call."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from etl.errors import VENDOR_NAMES, CredentialsRefused, VendorUnavailable
from etl.load.emoney.client import EmoneyClient
from etl.load.http.request import Limiter, TransportSettings
from etl.load.http.transport import Transport
from etl.load.profiles.client import ProfilesClient
from include.commands.check.lines import Line, clock_line, failed, ok, warning
from include.runtime.connections import AirflowConnection, Connections

# One try, so that a vendor that is down costs no more than this.
PATIENCE = TransportSettings(connect_seconds=3.0, total_seconds=8.0, tries=1)


def check_vendor(
    vendor: str,
    find: Callable[[str], AirflowConnection | None],
    limiter_of: Callable[[str], Limiter | None] = lambda _api_key: None,
) -> Iterator[Line]:
    """The lines of one vendor. ``limiter_of`` an API key: the log-in is a call like others."""
    name = VENDOR_NAMES[vendor]
    connection = find(vendor)
    if connection is None:
        to_do = f"Add the connection `{vendor}`, or run for the other vendor alone (the parameter vendors)."
        yield warning(name, "not configured", to_do)
        return
    if vendor == "emoney":
        yield from _check_key_file(connection)
    access = Connections(find).vendor(vendor)
    transport = Transport(vendor, access.base_url, settings=PATIENCE, limiter=limiter_of(access.password))
    client = (
        EmoneyClient(transport, access.login, access.password, access.private_key)
        if vendor == "emoney"
        else ProfilesClient(transport, access.login, access.password)
    )
    yield _log_in(name, access.base_url, client)
    if transport.clock_ahead is not None:
        yield clock_line(f"{name} clock", transport.clock_ahead, f"{name}'s")


def _log_in(name: str, base_url: str, client: EmoneyClient | ProfilesClient) -> Line:
    try:
        client.log_in()
    except CredentialsRefused as refusal:
        return failed(f"{name} log-in", str(refusal), "Renew the credentials in the connection.")
    except VendorUnavailable as error:
        to_do = "Check the address in the connection, the network, and whether the vendor is down."
        return failed(f"{name} log-in", f"{error} ({base_url})", to_do)
    return ok(f"{name} log-in", f"accepted at {base_url}")


def _check_key_file(connection: AirflowConnection) -> Iterator[Line]:
    """Whether others may read the key's file. A file that cannot be read at all is named when the access is made."""
    name, file = "eMoney key", connection.extra_dejson.get("private_key_file")
    if not file or connection.extra_dejson.get("private_key") or not Path(file).exists():
        return
    mode = stat.S_IMODE(Path(file).stat().st_mode)
    if mode & 0o077:
        yield warning(name, f"{file} can be read by others (mode {mode:04o})", f"chmod 600 {file}")
    else:
        yield ok(name, f"{file} is there, for its owner alone (mode {mode:04o})")
