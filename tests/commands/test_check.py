"""``planbridge check``: what a person sees of vendors that are up, down, refuse the key or have another clock."""

import email.utils
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.load.ledger.migrations import newest_revision
from etl.load.ledger.store import Ledger
from include import ROOT
from include.commands.check.checking import find_lines
from include.commands.check.lines import Line, run_all
from include.commands.check.places import check_crm_clock, check_folder, check_ledger
from include.commands.check.vendors import check_vendor
from include.commands.quick import GivenConnection
from tests.keys import new_keys, vendor_keys
from tests.load.http.servers import Request, reply, scripted
from tests.run_book import Book, closed_port


def found(vendor: str, connection: GivenConnection | None) -> dict[str, Line]:
    return {line.name: line for line in run_all({vendor: lambda: check_vendor(vendor, lambda _: connection)}, 30)}


def statuses(lines: dict[str, Line]) -> dict[str, str]:
    return {name: line.status for name, line in lines.items()}


def test_vendors_that_are_up_are_logged_in_to_and_not_written_to(book: Book) -> None:
    lines = {**found("profiles", book.connections["profiles"]), **found("emoney", book.connections["emoney"])}
    assert statuses(lines) == dict.fromkeys(
        ("Profiles log-in", "Profiles clock", "eMoney log-in", "eMoney clock"), "ok"
    )
    assert book.vendors.writes() == {}


def test_wrong_credentials_are_named_by_vendor(book: Book) -> None:
    profiles, emoney = book.connections["profiles"], book.connections["emoney"]
    assert profiles is not None
    assert emoney is not None
    profiles.password = "not-hers"
    emoney.extra_dejson = {"private_key": new_keys()[0]}
    for vendor, name in (("profiles", "Profiles"), ("emoney", "eMoney")):
        lines = found(vendor, book.connections[vendor])
        assert statuses(lines) == {f"{name} log-in": "failed", f"{name} clock": "ok"}
        assert "refuses the log-in" in lines[f"{name} log-in"].found
        assert "not-hers" not in str(lines)


def test_a_key_file_is_looked_at_before_it_is_used(book: Book, tmp_path: Path) -> None:
    file, emoney = tmp_path / "key.pem", book.connections["emoney"]
    assert emoney is not None
    emoney.extra_dejson = {"private_key_file": str(file)}
    assert "cannot be read (No such file" in found("emoney", emoney)["emoney"].found
    file.write_text(vendor_keys()[0])
    file.chmod(0o644)
    open_to_all = found("emoney", emoney)
    assert (open_to_all["eMoney key"].status, open_to_all["eMoney key"].to_do) == ("warning", f"chmod 600 {file}")
    assert open_to_all["eMoney log-in"].status == "ok"
    file.chmod(0o600)
    assert found("emoney", emoney)["eMoney key"].status == "ok"
    file.write_text("no key")
    assert "no RSA key in PEM form" in found("emoney", emoney)["emoney"].found


def test_a_vendor_that_is_down_has_failed_and_one_that_is_not_configured_is_named() -> None:
    down = found("profiles", GivenConnection("http", "127.0.0.1", closed_port(), login="us", password="secret"))
    assert statuses(down) == {"Profiles log-in": "failed"}
    assert "found no connection" in down["Profiles log-in"].found
    assert "secret" not in str(down)
    assert statuses(found("profiles", None)) == {"Profiles": "warning"}


def test_a_vendor_that_never_answers_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silently = GivenConnection("http", "127.0.0.1", silent.getsockname()[1], login="us", password="secret")
        started = time.monotonic()
        lines = run_all({"Profiles": partial(check_vendor, "profiles", lambda _: silently), "rest": lambda: []}, 0.5)
        assert time.monotonic() - started < 5
    assert [(line.name, line.status) for line in lines] == [("Profiles", "failed")]
    assert "no answer within" in lines[0].found


@pytest.mark.parametrize(
    ("ahead", "status", "words"),
    [(-2, "ok", "agrees"), (30, "warning", "30 s ahead of"), (-3600, "failed", "3600 s behind")],
)
def test_a_clock_that_differs_is_named(ahead: float, status: str, words: str) -> None:
    def answer(connection: socket.socket, request: Request) -> None:
        date = email.utils.formatdate(time.time() + ahead + 0.5, usegmt=True)
        reply(200, {"token": "t", "expires_in": 60}, {"Date": date})(connection, request)

    with scripted(answer) as server:
        port = int(server.url.rpartition(":")[2])
        lines = found("profiles", GivenConnection("http", "127.0.0.1", port, login="us", password="secret"))
    assert lines["Profiles clock"].status == status
    assert words in lines["Profiles clock"].found.replace("3599", "3600").replace("29 s", "30 s")


def test_a_folder_without_room_or_rights_is_named(tmp_path: Path) -> None:
    assert [line.status for line in check_folder(tmp_path / "new", lambda _: 10 * 2**30)] == ["ok", "ok"]
    assert not (tmp_path / "new").exists()
    assert [line.status for line in check_folder(tmp_path, lambda _: 2 * 2**30)] == ["ok", "warning"]
    assert [line.status for line in check_folder(tmp_path, lambda _: 2**20)] == ["ok", "failed"]
    (tmp_path / "file").write_text("no folder")
    (line,) = check_folder(tmp_path / "file")
    assert (line.status, "cannot be written" in line.found) == ("failed", True)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_ledger_is_looked_at_and_left_as_it_is(kind: str, tmp_path: Path, postgres_url: Callable[[], str]) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if kind == "sqlite" else postgres_url()
    assert {line.status for line in check_ledger(url)} == {"ok"}
    ledger = Ledger(url)
    assert ledger.revision() is None
    ledger.migrate()
    assert f"revision {newest_revision()}, as this code needs it" in next(iter(check_ledger(url))).found
    for revision, status in (("0002", "warning"), ("9999", "failed")):
        with ledger.write() as connection:
            connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))
        assert next(iter(check_ledger(url))).status == status
    ledger.engine.dispose()


@pytest.mark.postgres
def test_the_clocks_of_databases_on_servers_are_compared(postgres_url: Callable[[], str]) -> None:
    url = postgres_url()
    assert [(line.name, line.status) for line in check_ledger(url)][1:] == [("ledger clock", "ok")]
    assert [(line.name, line.status) for line in check_crm_clock(url)] == [("CRM clock", "ok")]
    (line,) = check_crm_clock(f"postgresql://reader:secret@127.0.0.1:{closed_port()}/crm")
    assert (line.status, "secret" in str(line)) == ("failed", False)


def test_a_wrong_setting_is_the_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANBRIDGE__EMONEY__CALLS_IN_FLIGHT", "900")
    (line,) = find_lines(lambda _: None)
    assert (line.name, line.status) == ("settings", "failed")
    assert "PLANBRIDGE__EMONEY__CALLS_IN_FLIGHT" in line.found


@pytest.mark.airflow
def test_with_everything_down_the_command_ends_in_time_and_names_all_of_it(
    airflow_environment: dict[str, str], tmp_path: Path
) -> None:
    def down(**more: object) -> str:
        return json.dumps(
            {"conn_type": "http", "host": "127.0.0.1", "port": closed_port(), "login": "us", "password": "hidden"}
            | more
        )

    (tmp_path / "key.pem").write_text(vendor_keys()[0])
    (tmp_path / "key.pem").chmod(0o600)
    environment = {
        **airflow_environment,
        "AIRFLOW_CONN_PROFILES": down(),
        "AIRFLOW_CONN_EMONEY": down(extra={"private_key_file": str(tmp_path / "key.pem")}),
        "AIRFLOW_CONN_CRM": f"postgresql://us:hidden@127.0.0.1:{closed_port()}/crm",
        "AIRFLOW_CONN_LEDGER": f"postgresql://us:hidden@127.0.0.1:{closed_port()}/ledger",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "include" / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "airflow.providers.celery.executors.celery_executor.CeleryExecutor",
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(tmp_path / "missing.json")}),
        "PLANBRIDGE__DATA__FOLDER": str(tmp_path / "data"),
    }
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "include.commands.cli", "check", "--json"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert time.monotonic() - started < 30
    assert done.returncode == 1, done.stderr
    assert "hidden" not in done.stdout + done.stderr
    answer = json.loads(done.stdout)
    said = {line["name"]: line["status"] for line in answer["checks"]}
    assert answer["status"] == "failed"
    assert said == {
        "settings": "ok", "Profiles log-in": "failed", "eMoney key": "ok", "eMoney log-in": "failed",
        "CRM clock": "failed", "ledger": "failed", "data folder": "ok", "disk": said["disk"],
        "Airflow executor": "warning", "Airflow time zone": "ok", "Airflow plugins": "ok", "Airflow secrets": "failed",
    }  # fmt: skip
