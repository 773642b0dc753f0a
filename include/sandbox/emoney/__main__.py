"""`python -m include.sandbox.emoney --port N --database FILE --public-key FILE`: eMoney on the loopback address."""

import argparse
import sys
from pathlib import Path

from starlette.types import ASGIApp

from include.sandbox.common.server import add_common_options, run
from include.sandbox.emoney.app import EmoneyApp, Settings
from include.sandbox.emoney.assertion import read_public_key


def read_options(arguments: list[str] | None) -> argparse.Namespace:
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
    for option, what in (("--limit-per-minute", "in any 60 s"), ("--limit-in-flight", "at once")):
        help_text = f"API calls {what} before 429; 0 = no limit (default 60)"
        parser.add_argument(option, type=int, default=60, metavar="N", help=help_text)
    return parser.parse_args(arguments)


def build(given: argparse.Namespace) -> ASGIApp:
    """Raises CannotStart and DatabaseUnusable."""
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


def main(arguments: list[str] | None = None) -> int:
    given = read_options(arguments)
    return run(lambda: build(given), given.port)


if __name__ == "__main__":
    sys.exit(main())
