"""Worlds for the tests of this folder: a module that changes one has its own, and its sandboxes stop with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.airflow_home import make_home
from tests.end_to_end import crm
from tests.end_to_end.live import live
from tests.end_to_end.terminal import Terminal
from tests.end_to_end.world import API_KEY, LOGIN, PASSWORD, Night, World
from tests.keys import make_key_pair
from tests.sandbox.running import running_sandbox

WorldMaker = Callable[..., World]
# How nights run that say little of Airflow: by their tasks alone, and in the whole suite through Airflow, too.
WAYS = ["tasks", pytest.param("airflow", marks=pytest.mark.slow)]

__all__ = ["live"]


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of eMoney's private key and of the certificate."""
    folder = tmp_path_factory.mktemp("keys")
    private, certificate = folder / "private.pem", folder / "certificate.pem"
    make_key_pair(private, certificate)
    return private, certificate


@pytest.fixture(scope="session")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The terminal of this session, with an Airflow home that no other session uses."""
    opened = Terminal(make_home(tmp_path_factory.mktemp("airflow")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def make_world(
    tmp_path_factory: pytest.TempPathFactory, key_pair: tuple[Path, Path], terminal: Terminal
) -> Iterator[WorldMaker]:
    """A function that makes a world with both sandboxes running and the office of `crm` as a SQLite file."""
    with ExitStack() as at_the_end:
        yield lambda: build_world(tmp_path_factory.mktemp("world"), key_pair, terminal, at_the_end)


@pytest.fixture(scope="package")
def first_night(
    tmp_path_factory: pytest.TempPathFactory, key_pair: tuple[Path, Path], terminal: Terminal
) -> Iterator[tuple[World, Night]]:
    """The first night over a new CRM, in an Airflow home whose tables hold it alone. To be looked at, not changed."""
    with ExitStack() as at_the_end:
        world = build_world(tmp_path_factory.mktemp("world"), key_pair, terminal, at_the_end)
        world.environment |= make_home(tmp_path_factory.mktemp("airflow"))
        yield world, world.plain_night()


@pytest.fixture
def world(first_night: tuple[World, Night]) -> World:
    """The first night's. A module that changes its world has one of its own."""
    return first_night[0]


@pytest.fixture
def night(first_night: tuple[World, Night]) -> Night:
    """The first night, to be looked at."""
    return first_night[1]


def build_world(folder: Path, key_pair: tuple[Path, Path], terminal: Terminal, at_the_end: ExitStack) -> World:
    """A world in this folder, whose sandboxes stop at the end."""
    private, certificate = key_pair
    world = World(folder, dict(terminal.environment), terminal)
    keys = ("--client-id", LOGIN, "--api-key", API_KEY, "--public-key", str(certificate))
    options = {"profiles": ("--login", LOGIN, "--password", PASSWORD)}
    options["emoney"] = (*keys, "--limit-per-minute", "0")
    for vendor, given in options.items():
        sandbox = running_sandbox(vendor, folder / f"{vendor}.sqlite", *given)
        world.vendors[vendor] = at_the_end.enter_context(sandbox)
    crm.write_sqlite(world.crm)
    world.environment |= {
        "AIRFLOW_CONN_CRM": f"sqlite:///{world.crm}",
        "AIRFLOW_CONN_PROFILES": vendor_uri(world, "profiles", PASSWORD),
        "AIRFLOW_CONN_EMONEY": vendor_uri(world, "emoney", API_KEY, private_key_file=str(private)),
        "PLANBRIDGE__DATA__FOLDER": str(world.data),
        "PLANBRIDGE__PROFILES__ENROLL": "all",
        "PLANBRIDGE__EMONEY__ENROLL": "all",
        "PLANBRIDGE__EMONEY__CALLS_PER_MINUTE": "100000",
    }
    return world


def vendor_uri(world: World, vendor: str, password: str, **extra: str) -> str:
    """A vendor's connection as a URI, with everything that needs it encoded."""
    port = world.vendors[vendor].port
    query = f"/?{urlencode(extra)}" if extra else ""
    return f"http://{LOGIN}:{quote(password, safe='')}@127.0.0.1:{port}{query}"
