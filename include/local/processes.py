"""Programs that a command starts: each in its own session, its output in a file, none left behind."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from etl.files import write_whole
from include import ROOT
from include.local.installation import Refused
from include.local.progress import console

PATIENCE_SECONDS = 6  # how long a program may take to stop by itself
PR_SET_PDEATHSIG = 1


@dataclass
class Program:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def last_lines(self, count: int = 15) -> str:
        """The end of its output, for a message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def wait_until(self, is_ready: Callable[[], object], seconds: float = 60) -> None:
        """Wait for a sign of readiness. Raises Refused when the program ends or takes too long."""
        give_up = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running:
                raise Refused(
                    f"{self.name} stopped while it was starting:\n{self.last_lines()}\n(all of it: {self.log})"
                )
            if time.monotonic() > give_up:
                raise Refused(f"{self.name} did not answer within {seconds:.0f} s; see {self.log}")
            time.sleep(0.1)

    def address(self) -> str:
        """The address that a server prints when it answers; empty until then."""
        complete_lines = self.log.read_text(errors="replace").split("\n")[:-1]
        return next((line.strip() for line in complete_lines if line.startswith("http://127.0.0.1:")), "")


@dataclass
class Programs:
    """The programs that a command started. On leaving the ``with`` block they are stopped.

    Their sessions are noted in ``<folder>/started.json``: the next command stops what a killed one left behind.
    """

    folder: Path
    started: list[Program] = field(default_factory=list)

    def __enter__(self) -> Programs:
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        end(_remains(self._noted))
        return self

    @property
    def _noted(self) -> Path:
        return self.folder / "started.json"

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is KeyboardInterrupt:
            console.print("\nStopping …")
        self.stop()

    def start(self, name: str, command: list[str], environment: Mapping[str, str]) -> Program:
        """Start a program in its own session; its output goes to ``<folder>/logs/<name>.log``."""
        log = self.folder / "logs" / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        program = Program(name, process, log)
        self.started.append(program)
        noted = {program.process.pid: time.time() for program in self.started}
        write_whole(self._noted, json.dumps(noted).encode())
        return program

    def stop(self) -> None:
        """Ask every program, and all that it started, to end; kill those that do not."""
        end(_members({program.process.pid for program in self.started}))
        for program in self.started:
            program.process.wait()
        self.started.clear()
        self._noted.unlink(missing_ok=True)


def end(processes: list[psutil.Process]) -> None:
    """Ask processes to end; kill those that do not."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=PATIENCE_SECONDS)


def _members(sessions: set[int]) -> list[psutil.Process]:
    """The living processes of some sessions, in any process group and below any parent."""
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) in sessions:
                members.append(process)
    return members


def _remains(noted: Path) -> list[psutil.Process]:
    """The processes that an earlier command could not stop. A process id that was reused since then does not count."""
    try:
        sessions = {int(pid): started for pid, started in json.loads(noted.read_text()).items()}
    except (OSError, ValueError):
        return []
    alive = {pid: started for pid, started in sessions.items() if started > psutil.boot_time()}
    for pid, started in sessions.items():
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).create_time() > started + 1:
                alive.pop(pid, None)
    return _members(set(alive))


def _end_with_parent() -> None:
    """In the child: ask Linux for a signal to end when the parent is killed and cannot stop its children itself."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C, ``kill`` and a closed window end the command by KeyboardInterrupt, once: later ones are ignored."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)  # cleaning up is not to be interrupted
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def refuse_port_in_use(port: int) -> None:
    """Raises Refused when another program listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Refused(
                f"Port {port} on 127.0.0.1 is in use by another program. Choose another one: make up PORT={port + 1}"
            ) from None


def python(*arguments: str) -> list[str]:
    """A command line for a module of this project, on the Python that runs this program."""
    return [sys.executable, "-m", *arguments]
