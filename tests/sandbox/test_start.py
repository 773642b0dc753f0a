"""Starting a sandbox from the command line, restarts, and filling in bulk."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from include import ROOT
from include.sandbox.emoney.__main__ import main as start_emoney
from include.sandbox.emoney.app import EmoneyApp
from include.sandbox.emoney.app import Settings as EmoneySettings
from include.sandbox.emoney.assertion import read_public_key
from include.sandbox.emoney.store import Store as EmoneyStore
from include.sandbox.profiles.__main__ import main as start_profiles
from include.sandbox.profiles.store import Store as ProfilesStore
from tests.sandbox.filling import fill_emoney, fill_profiles
from tests.sandbox.running import Caller, EmoneyCaller, household, investment, line, policy, private_key_of, serve

Fail = Callable[..., str]


def command(vendor: str, *options: object) -> list[str]:
    return [sys.executable, "-m", f"include.sandbox.{vendor}", *map(str, options)]


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Fail:
    """What a sandbox says that cannot start."""

    def start(vendor: str, *options: object) -> str:
        main = {"profiles": start_profiles, "emoney": start_emoney}[vendor]
        assert main([str(option) for option in options]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        return said.err

    return start


@contextmanager
def started(vendor: str, *options: object) -> Iterator[tuple[str, subprocess.Popen]]:
    process = subprocess.Popen(command(vendor, "--port", 0, *options), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline(), process
    finally:
        process.kill()
        process.communicate(timeout=10)


def log_in(caller: Caller) -> None:
    given = {"username": "me", "password": "secret"}
    caller.headers = {"Authorization": f"Bearer {caller('POST', '/api/auth/login', json=given).json()['token']}"}


def test_state_and_tokens_survive_a_kill(tmp_path: Path) -> None:
    options = ("--database", tmp_path / "p.db", "--login", "me", "--password", "secret")
    with started("profiles", *options) as (printed, process):
        assert printed.startswith("http://127.0.0.1:")
        caller = Caller(printed.strip())
        log_in(caller)
        caller("POST", "/api/households", json=household())
        os.kill(process.pid, signal.SIGKILL)
    with started("profiles", *options) as (printed, _):
        caller.url = printed.strip()
        assert caller("GET", "/api/households?externalSourceId=household:1").json()["matchType"] == "exact"


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_start_does_not_wait_for_libraries_of_calls_and_pages(vendor: str) -> None:
    code = f"import sys, include.sandbox.{vendor}.__main__; print(*{{'pydantic', 'jinja2'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        start_emoney(["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    for option in ("--port", "--database", "--public-key", "--limit-per-minute", "--limit-in-flight", "--search-lag"):
        assert option in said


def test_a_port_in_use_is_one_line(tmp_path: Path, fail: Fail) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = fail("profiles", "--port", other.getsockname()[1], "--database", tmp_path / "p.db")
    assert said.count("\n") == 1
    assert "in use" in said
    assert "--port" in said


def test_a_database_that_cannot_be_written_is_one_line(tmp_path: Path, fail: Fail) -> None:
    said = fail("profiles", "--port", 0, "--database", tmp_path / "no" / "such" / "p.db")
    assert said.count("\n") == 1
    assert "--database" in said


def test_somebody_elses_database_is_left_alone(tmp_path: Path, fail: Fail) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as other:
        other.execute("CREATE TABLE contacts (id)")
    assert "belongs to something else" in fail("profiles", "--port", 0, "--database", tmp_path / "crm.db")
    (tmp_path / "text.db").write_text("This is no database, but long enough to look like one to nobody." * 20)
    assert fail("profiles", "--port", 0, "--database", tmp_path / "text.db").count("\n") == 1


@pytest.mark.parametrize("store", [ProfilesStore, EmoneyStore])
def test_what_a_sandbox_holds_is_its_owners_alone(tmp_path: Path, store: type[ProfilesStore | EmoneyStore]) -> None:
    opened = store(tmp_path / "held.db")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    opened.database.close()


def test_a_public_key_that_is_none_is_one_line(tmp_path: Path, fail: Fail) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    for name in ("key.pem", "absent.pem"):
        options = ("--port", 0, "--database", tmp_path / "e.db", "--public-key", tmp_path / name)
        said = fail("emoney", *options)
        assert said.count("\n") == 1
        assert "--public-key" in said


def test_the_private_key_is_for_its_owner_only(keys: Path) -> None:
    assert (keys / "private.pem").stat().st_mode & 0o077 == 0


def emoney(folder: Path, keys: Path) -> EmoneyApp:
    public_key = read_public_key(keys / "certificate.pem")
    return EmoneyApp(EmoneySettings(folder / "e.db", public_key, limit_per_minute=0))


def test_a_feed_goes_on_after_a_restart_and_an_assertion_stays_used(tmp_path: Path, keys: Path) -> None:
    with serve(emoney(tmp_path, keys)) as url:
        caller = EmoneyCaller(url, private_key=private_key_of(keys))
        caller.log_in()
        client = caller.add_client()
        caller.faults({"kind": "feed_stays_running", "seconds": 0.3})
        caller.put_feed("f1", line(client, investment()))
        used = caller.assertion(aud=["http://first", f"{url}/connect/token"], jti="once")
        assert caller.ask_token(used).status_code == 200
    with serve(emoney(tmp_path, keys)) as url:
        caller.url = url
        assert caller.finished("f1")["counts"]["available"] == 1
        assert caller.ask_token(caller.assertion(jti="once")).status_code == 400


def test_profiles_can_be_filled_in_bulk_while_it_runs(profiles_url: str, profiles: Caller, tmp_path: Path) -> None:
    store = ProfilesStore(tmp_path / "p.db")
    added = fill_profiles(store, (household(f"household:{number}") for number in range(4500)))
    assert added[0] == (1, 1)
    assert added[-1] == (4500, 4500)
    assert store.find_source("household:4499")[0]["cases"][0]["caseId"] == "4500"
    profiles("POST", "/api/households", json=household("household:0"))
    by_api = profiles.state()["households"][0]["cases"][0]["document"]
    in_bulk = store.describe()["households"][0]["cases"][0]["document"]
    assert orjson.loads(orjson.dumps(in_bulk)) == by_api


def test_emoney_can_be_filled_in_bulk(tmp_path: Path, keys: Path) -> None:
    store = EmoneyStore(tmp_path / "e.db")
    client = {"firstName": "Ann", "lastName": "Lee", "dateOfBirth": "1970-01-02", "externalId": "contact:7"}
    accounts = [investment(state="linked", classification="Cash"), policy()]
    spouse = {"firstName": "Bo", "lastName": "Lee"}
    ids = fill_emoney(store, [{"client": client, "spouse": spouse, "accounts": accounts}])
    store.database.close()
    assert ids == [1]
    with serve(emoney(tmp_path, keys)) as url:
        caller = EmoneyCaller(url, private_key=private_key_of(keys))
        caller.log_in()
        assert caller("GET", "/public/v1/clients/em-1/spouse").json()["firstName"] == "Bo"
        assert set(caller.accounts("em-1", "linked")) == {"account:5"}
        counts = caller.deliver("f1", line("em-1", investment(), policy()))["counts"]
        assert (counts["unchanged"], counts["available"]) == (1, 1)
        assert caller.accounts("em-1")["account:5"]["lastRefreshedAt"] is not None


def test_a_sandbox_that_cannot_start_exits_with_2_and_no_traceback(tmp_path: Path) -> None:
    options = ("--port", 0, "--database", tmp_path)
    done = subprocess.run(command("profiles", *options), cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
