"""`python -m include.sandbox.emoney --port N --database FILE --public-key FILE`: eMoney on the loopback address."""

import sys

from include.sandbox.common.server import start
from include.sandbox.emoney.app import EmoneyApp, Settings


def main(arguments: list[str] | None = None) -> int:
    return start("include.sandbox.emoney", EmoneyApp, Settings, 8082, arguments)


if __name__ == "__main__":
    sys.exit(main())
