"""`python -m include.sandbox.profiles --port N --database FILE`: the Profiles sandbox on the loopback address."""

import argparse
import sys

from include.sandbox.common.server import add_common_options, run
from include.sandbox.profiles.app import ProfilesApp, Settings


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox.profiles", description=__doc__)
    add_common_options(parser, default_port=8081)
    parser.add_argument("--login", default="planbridge", help="user name of the API (default planbridge)")
    parser.add_argument("--password", default="sandbox", help="password of the API (default sandbox)")
    parser.add_argument(
        "--limit-per-minute",
        type=int,
        default=0,
        metavar="N",
        help="API calls in any 60 s before 429; 0 = no limit (default 0)",
    )
    given = parser.parse_args(arguments)
    settings = Settings(
        given.database,
        given.login,
        given.password,
        given.token_lifetime,
        given.search_lag,
        given.limit_per_minute,
        given.seed,
    )
    return run(lambda: ProfilesApp(settings), given.port)


if __name__ == "__main__":
    sys.exit(main())
