"""`python -m include.sandbox.profiles --port N --database FILE`: the Profiles sandbox on the loopback address."""

import sys

from include.sandbox.common.server import start
from include.sandbox.profiles.app import ProfilesApp, Settings


def main(arguments: list[str] | None = None) -> int:
    return start("include.sandbox.profiles", ProfilesApp, Settings, 8081, arguments)


if __name__ == "__main__":
    sys.exit(main())
