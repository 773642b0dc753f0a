"""Both sandboxes served once for the folder and emptied before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.sandbox.emoney.app import EmoneyApp
from include.sandbox.emoney.app import Settings as EmoneySettings
from include.sandbox.emoney.assertion import read_public_key
from include.sandbox.profiles.app import ProfilesApp
from include.sandbox.profiles.app import Settings as ProfilesSettings
from tests.keys import make_key_pair
from tests.sandbox.running import Caller, EmoneyCaller, private_key_of, serve


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with private.pem and certificate.pem."""
    folder = tmp_path_factory.mktemp("keys")
    make_key_pair(folder / "private.pem", folder / "certificate.pem")
    return folder


@pytest.fixture(scope="package")
def profiles_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = ProfilesSettings(tmp_path_factory.mktemp("profiles") / "profiles.db")
    with serve(ProfilesApp(settings)) as url:
        yield url


@pytest.fixture
def profiles(profiles_url: str) -> Caller:
    """A caller who is logged in to an empty Profiles."""
    caller = Caller(profiles_url)
    caller.reset()
    token = caller("POST", "/api/auth/login", json={"username": "planbridge", "password": "sandbox"}).json()["token"]
    caller.headers = {"Authorization": f"Bearer {token}"}
    return caller


@pytest.fixture(scope="package")
def emoney_url(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[str]:
    database = tmp_path_factory.mktemp("emoney") / "emoney.db"
    settings = EmoneySettings(database, read_public_key(keys / "certificate.pem"), limit_per_minute=0)
    with serve(EmoneyApp(settings)) as url:
        yield url


@pytest.fixture
def emoney(emoney_url: str, keys: Path) -> EmoneyCaller:
    """A caller who is logged in to an empty eMoney without a limit per minute."""
    caller = EmoneyCaller(emoney_url, private_key=private_key_of(keys))
    caller.reset()
    caller.log_in()
    return caller
