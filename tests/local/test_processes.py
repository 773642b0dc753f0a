"""Programs that a command starts end with it, in whichever way it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from include import ROOT
from include.local.installation import Refused
from include.local.processes import Program, Programs, interruptible, python, refuse_port_in_use

# Starts a child in its own process group, as Airflow does with its tasks, and prints the child's process id.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


def start(programs: Programs, code: str, name: str = "program") -> Program:
    program = programs.start(name, [sys.executable, "-c", code], os.environ)
    program.wait_until(lambda: first_line(program), seconds=20)
    return program


def first_line(program: Program) -> str:
    text = program.log.read_text()
    return text.split("\n", 1)[0] if "\n" in text else ""


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    with Programs(tmp_path) as programs:
        program = start(programs, PARENT)
        child = int(first_line(program))
        assert is_alive(child)
    assert not program.is_running
    assert eventually(lambda: not is_alive(child))


def test_a_program_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.local.processes.PATIENCE_SECONDS", 0.3)
    with Programs(tmp_path) as programs:
        program = start(programs, DEAF)
    assert not is_alive(program.process.pid)


def test_programs_are_stopped_when_the_command_ends_in_an_error(tmp_path: Path) -> None:
    def command() -> None:
        with Programs(tmp_path) as programs:
            started.append(start(programs, PARENT))
            raise ZeroDivisionError

    started: list[Program] = []
    with pytest.raises(ZeroDivisionError):
        command()
    assert not started[0].is_running


def test_what_a_killed_command_left_behind_is_stopped_by_the_next_one(tmp_path: Path) -> None:
    command = f"""
import os, sys
from pathlib import Path
from include.local.processes import Programs
with Programs(Path({str(tmp_path)!r})) as programs:
    program = programs.start("program", [sys.executable, "-c", {PARENT!r}], os.environ)
    program.wait_until(lambda: program.log.read_text().endswith("\\n"))
    print(program.log.read_text(), flush=True)
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    grandchild = int(killed.stdout)
    assert is_alive(grandchild)
    with Programs(tmp_path):
        assert eventually(lambda: not is_alive(grandchild))


def test_a_program_that_ends_while_it_starts_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Programs(tmp_path) as programs:
        program = programs.start("sandbox", [sys.executable, "-c", "raise SystemExit('no such key')"], os.environ)
        with pytest.raises(Refused, match=r"sandbox stopped while it was starting:\nno such key\n.*sandbox\.log"):
            program.wait_until(program.address)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_to_stop_a_command_is_an_interrupt(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def command() -> None:
        with interruptible():
            os.kill(os.getpid(), number)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        command()
    assert signal.getsignal(number) == before


def test_cleaning_up_is_not_interrupted() -> None:
    def command() -> None:
        with interruptible():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                cleaned.append(True)

    cleaned: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        command()
    assert cleaned


def test_a_port_in_use_is_refused_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Refused, match=rf"Port {port} .* in use .*make up PORT={port + 1}"):
            refuse_port_in_use(port)
    refuse_port_in_use(port)


def test_modules_run_on_the_python_of_this_program() -> None:
    assert python("include.sandbox.profiles") == [sys.executable, "-m", "include.sandbox.profiles"]
