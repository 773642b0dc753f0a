"""The clients of the two vendors, by a run's settings and connections."""

from __future__ import annotations

from pathlib import Path

from etl.load.emoney.client import EmoneyClient
from etl.load.http.limiter import Limit, SharedLimiter
from etl.load.http.request import Limiter, TransportSettings
from etl.load.http.retry import RetryBudget
from etl.load.http.transport import Transport
from etl.load.ledger.locks import check_held
from etl.load.ledger.store import Ledger
from etl.load.ledger_limiter import LedgerLimiter
from etl.load.profiles.client import ProfilesClient
from include.pipelines.run.context import RunContext
from include.runtime.settings import Emoney

# Retries of all calls in one load of a shard: an outage must not multiply the calls.
RETRIES = 1_000
SLACK_SECONDS = 30.0


def profiles_client(context: RunContext) -> ProfilesClient:
    """Profiles, with the credentials of the connection `profiles`."""
    access = context.connections.vendor("profiles")
    limits = context.settings.profiles
    settings = TransportSettings(calls_in_flight=limits.calls_in_flight, total_seconds=limits.call_seconds)
    return ProfilesClient(
        Transport("profiles", access.base_url, settings=settings, budget=RetryBudget(RETRIES), before_call=check_held),
        access.login,
        access.password,
    )


def emoney_client(context: RunContext) -> EmoneyClient:
    """eMoney, with the credentials of the connection `emoney`; all processes that use its API key share a limiter."""
    access = context.connections.vendor("emoney")
    limits = context.settings.emoney
    limiter = emoney_limiter(limits, access.password, context.ledger, context.data_folder)
    settings = TransportSettings(calls_in_flight=limits.calls_in_flight, total_seconds=limits.call_seconds)
    transport = Transport(
        "emoney",
        access.base_url,
        settings=settings,
        budget=RetryBudget(RETRIES),
        limiter=limiter,
        before_call=check_held,
    )
    return EmoneyClient(transport, access.login, access.password, access.private_key)


def emoney_limiter(limits: Emoney, api_key: str, ledger: Ledger, data_folder: Path) -> Limiter:
    """The limiter of an API key: in a PostgreSQL ledger for all machines, else in a file for this machine."""
    # A call is over when its time is, but for what a process does between the place and the first byte.
    limit = Limit(limits.calls_per_minute, limits.calls_in_flight, longest=limits.call_seconds + SLACK_SECONDS)
    if ledger.is_sqlite:
        return SharedLimiter(data_folder / "limits", api_key, limit)
    return LedgerLimiter(ledger, api_key, limit)
