"""``make up``: the whole installation, from the first start to Ctrl-C."""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from include import ROOT
from include.local import demo, up
from include.local.installation import Installation, Refused

COMMAND = """
import sys
from pathlib import Path
from include.local import up
from include.local.installation import Installation
sys.exit(up.run(Installation(Path(sys.argv[1])), port=int(sys.argv[2])))
"""


@dataclass
class Running:
    """A ``make up`` under way, in its own installation."""

    installation: Installation
    port: int
    process: subprocess.Popen[str]
    output: Path

    def members(self) -> list[psutil.Process]:
        """The processes that it started and that are alive."""
        started = json.loads((self.installation.folder / "started.json").read_text())
        return [member for member in psutil.process_iter() if os.getsid(member.pid) in map(int, started)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("up")
    output, port = folder / "output", free_port()
    with output.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(folder / "installation"), str(port)],
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
    give_up = time.monotonic() + 240
    while "Ctrl-C stops everything" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < give_up, output.read_text()
        time.sleep(0.2)
    yield Running(Installation(folder / "installation"), port, process, output)
    process.send_signal(signal.SIGINT)
    process.wait(60)


pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("up")]


def test_airflow_is_healthy_when_the_addresses_are_shown(running: Running) -> None:
    assert up.unhealthy(running.port) == []


def test_the_log_in_that_is_shown_is_let_in(running: Running) -> None:
    shown = re.search(r"user (\S+), password (\S+)", running.output.read_text())
    assert shown
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/auth/token",
        json.dumps({"username": shown[1], "password": shown[2]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["access_token"]


def test_the_shown_sandboxes_answer(running: Running) -> None:
    for vendor in ("Profiles", "eMoney"):
        shown = re.search(rf"{vendor}\s+(http://127\.0\.0\.1:\d+)", running.output.read_text())
        assert shown
        with urllib.request.urlopen(f"{shown[1]}/_sandbox/state", timeout=30) as answer:
            assert answer.status == 200


def test_everything_listens_on_the_loopback_address_only(running: Running) -> None:
    listening = {
        connection.laddr.ip
        for member in running.members()
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_a_second_command_at_the_same_time_is_refused_with_the_address_of_the_first(running: Running) -> None:
    with pytest.raises(Refused, match=rf"make up is already running .*http://127\.0\.0\.1:{running.port}"):
        up.run(running.installation, port=free_port())


def test_ctrl_c_stops_everything(running: Running) -> None:
    members = running.members()
    assert len(members) > 5
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert [member for member in members if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []


def test_the_file_for_another_window_leads_to_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation = Installation(tmp_path / "with a blank")
    installation.folder.mkdir()
    monkeypatch.setenv("AIRFLOW_HOME", str(installation.airflow_home))
    addresses = {"profiles": "http://127.0.0.1:1", "emoney": "http://127.0.0.1:2"}
    file = up.write_environment(installation, demo.environment(installation, addresses))
    shown = '"$AIRFLOW_HOME" "$AIRFLOW_CONN_CRM" "$PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS"'
    command = f". {shlex.quote(file)}; printf '%s\\n' {shown}; command -v airflow"
    shell = subprocess.run(["/bin/sh", "-c", command], env={"PATH": "/bin"}, capture_output=True, text=True, check=True)
    home, crm, may_act, program = shell.stdout.splitlines()
    assert may_act == f"admin,{getpass.getuser()}"
    assert home == str(installation.airflow_home)
    assert crm.startswith("sqlite:////")
    assert Path(program).parent == Path(sys.executable).parent


def test_a_port_in_use_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} .* is in use"):
            up.run(Installation(tmp_path), port=port)
    assert not (tmp_path / "started.json").exists()
