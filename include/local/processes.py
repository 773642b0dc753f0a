"""Programs that a command starts: each in a process group of its own, its output in a file, none left behind."""

from __future__ import annotations

import ctypes
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

from include.local.installation import ROOT, Refused

PATIENCE_SECONDS = 15  # how long a program may take to stop by itself
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

    def first_line(self) -> str:
        """The first line of its output, once it is complete."""
        text = self.log.read_text(errors="replace")
        return text.split("\n", 1)[0] if "\n" in text else ""


@dataclass
class Programs:
    """All that a command started. On leaving the ``with`` block they are stopped, the last one first."""

    logs: Path
    started: list[Program] = field(default_factory=list)

    def __enter__(self) -> Programs:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: list[str], environment: Mapping[str, str]) -> Program:
        """Start a program; its output goes to ``<logs>/<name>.log``."""
        log = self.logs / f"{name}.log"
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
        return program

    def stop(self) -> None:
        """Ask every program and whatever it started to end; those that do not are killed."""
        family = [member for program in reversed(self.started) for member in _family(program.process.pid)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.terminate()
        _, stubborn = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
        for member in stubborn:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        for program in self.started:
            program.process.wait()
        self.started.clear()


def _family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants, in whatever process group they are."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end_with_parent() -> None:
    """In the child: be told to end when this program is killed and cannot stop its children itself (Linux)."""
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
    """Raises Refused when something listens on the port already."""
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
