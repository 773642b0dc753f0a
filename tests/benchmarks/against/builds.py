"""The builds that are compared: this one and another commit's, each with an environment of its own and a driver."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include import ROOT

HOME = ROOT / ".planbridge" / "bench"
DRIVER = Path(__file__).with_name("driver.py")
EXTRACTED = ("extract", "transform", "gate")
NIGHT = (*EXTRACTED, "load", "report")


class Failed(Exception):
    """A measurement that ended with an error; the others go on."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The shell's variables without settings and connections of ours."""
    ours = ("PLANBRIDGE__", "AIRFLOW_CONN_", "AIRFLOW__", "PYTHON")
    plain = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    return plain | {"AIRFLOW_HOME": str(HOME / "airflow"), "MAKEFLAGS": ""} | (extra or {})


@dataclass
class Build:
    """One checkout; ``name``: the column of the table."""

    name: str
    tree: Path
    _driver: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def python(self) -> Path:
        """The interpreter with the build's own requirements."""
        return self.tree / ".venv" / "bin" / "python"

    def folder(self, *names: str) -> Path:
        """Where the benchmark keeps what this build writes."""
        return HOME.joinpath("work", self.name, *names)

    def call(self, *words: object, **extra: str) -> str:
        """Runs a program in the tree; gives what it prints. Raises `Failed` with the end of its output."""
        command = [str(word) for word in words]
        home = {"AIRFLOW_HOME": str(self.tree / ".planbridge" / "airflow")}
        ended = subprocess.run(
            command, cwd=self.tree, env=environment(home | extra), text=True, capture_output=True, check=False
        )
        if ended.returncode:
            last = "\n".join((ended.stdout + ended.stderr).strip().splitlines()[-15:])
            raise Failed(f"{self.name}: {' '.join(command)[:100]} ended with {ended.returncode}:\n{last}")
        return ended.stdout

    def ask(self, do: str, **given: Any) -> Any:
        """An answer of the driver, which starts with the first question. Raises `Failed` where it ends."""
        if self._driver is None:
            self._driver = subprocess.Popen(
                [str(self.python), "-P", str(DRIVER)],
                cwd=self.tree, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        driver = self._driver
        assert driver.stdin is not None
        assert driver.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps({"do": do, **given}), file=driver.stdin, flush=True)
        answer = driver.stdout.readline()
        if not answer:
            self.stop()
            raise Failed(f"{self.name}: the driver ended at {do}; its error stands above.")
        return json.loads(answer)

    def open(self, crm: Path, ledger: str | None = None) -> None:
        """A new state of the office: no run yet, empty sandboxes."""
        self.ask("open", folder=str(self.folder("office")), crm=str(crm), ledger=ledger)

    def run(self, night: str, day: int, wanted: Sequence[str] = NIGHT, **more: Any) -> dict[str, Any]:
        """Stages of a night (`driver.run`)."""
        shards, request = more.pop("shards", []), more
        figures: dict[str, Any] = self.ask(
            "run", night=night, day=day, wanted=list(wanted), shards=shards, request=request
        )
        return figures

    def fill(self) -> None:
        """The state after a first night: both vendors and the ledger have everything."""
        first = self.run("night-1", 0, (*EXTRACTED,))
        self.run("night-1", 0, ("fill", "load", "report"), shards=first["shards"])

    def stop(self) -> None:
        """Ends the driver and its sandboxes."""
        driver, self._driver = self._driver, None
        if driver is not None and driver.stdin is not None:
            with suppress(BrokenPipeError):
                driver.stdin.close()
            driver.wait()


def other_build(commit: str, say: Any = print) -> Build:
    """A worktree of the commit with its own environment, by its own set-up; kept for the next time.

    Raises `Failed` for an unknown commit, and where its set-up fails.
    """
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run([*git, "rev-parse", "--short=7", f"{commit}^{{commit}}"], capture_output=True, text=True)
    if found.returncode:
        raise Failed(f"AGAINST={commit} is no commit of this repository.")
    name = found.stdout.strip()
    build = Build(name, HOME / name)
    if not (build.tree / "Makefile").exists():
        say(f"A worktree of {name} under {build.tree}")
        subprocess.run([*git, "worktree", "prune"], check=True)
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(build.tree), name], check=True)
    say(f"The environment of {name}")
    build.call("make", "setup")
    return build
