"""The clients of the two vendors, by a run's settings and connections."""

from __future__ import annotations

from etl.load.emoney.client import EmoneyClient
from etl.load.http.limiter import Limit, SharedLimiter
from etl.load.http.request import TransportSettings
from etl.load.http.retry import RetryBudget
from etl.load.http.transport import Transport
from etl.load.ledger.locks import check_held
from etl.load.profiles.client import ProfilesClient
from include.pipelines.run.context import RunContext

# Retries of all calls in one load of a shard: an outage must not multiply the calls.
RETRIES = 1_000


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
    """eMoney, with the credentials of the connection `emoney`; all processes of this machine share its limiter."""
    access = context.connections.vendor("emoney")
    limits = context.settings.emoney
    limit = Limit(limits.calls_per_minute, limits.calls_in_flight)
    limiter = SharedLimiter(context.data_folder / "limits", access.password, limit)
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
