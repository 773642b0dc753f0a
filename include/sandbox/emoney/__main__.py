"""`python -m include.sandbox.emoney --port N --database FILE --public-key FILE`: eMoney on the loopback address."""

import argparse
import sys
from pathlib import Path

from starlette.types import ASGIApp

from include.sandbox.common.server import add_common_options, run
from include.sandbox.emoney.app import EmoneyApp, Settings
from include.sandbox.emoney.assertion import read_public_key


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox.emoney", description=__doc__)
    add_common_options(parser, default_port=8082)
    parser.add_argument("--client-id", default="planbridge", help="iss and sub of assertions (default planbridge)")
    parser.add_argument("--api-key", default="sandbox-key", help="value of the apikey header (default sandbox-key)")
    parser.add_argument(
        "--public-key",
        type=Path,
        required=True,
        metavar="FILE",
        help="PEM public key or X.509 certificate that assertions are checked with",
    )
    parser.add_argument(
        "--limit-per-minute",
        type=int,
        default=60,
        metavar="N",
        help="API calls in any 60 s before 429; 0 = no limit (default 60)",
    )
    parser.add_argument(
        "--limit-in-flight",
        type=int,
        default=60,
        metavar="N",
        help="API calls at once before 429; 0 = no limit (default 60)",
    )
    given = parser.parse_args(arguments)

    def build() -> ASGIApp:
        return EmoneyApp(
            Settings(
                given.database,
                read_public_key(given.public_key),
                given.client_id,
                given.api_key,
                given.token_lifetime,
                given.search_lag,
                given.limit_per_minute,
                given.limit_in_flight,
                given.seed,
            )
        )

    return run(build, given.port)


if __name__ == "__main__":
    sys.exit(main())
