"""One calm line per stage, instead of a flood of log lines."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

console = Console(highlight=False, soft_wrap=True)

TASK_EVENT = re.compile(r"\[DAG TEST\] (?P<event>starting|end task) task_id=(?P<task>\S+) map_index=(?P<index>-?\d+)")
TASK_FAILED = "Task failed with exception"
EXCEPTION = re.compile(r"^(?:[a-z_]\w*\.)*[A-Z]\w*: .+")  # the last line of a traceback
TASK_ENDED = "Task exited"  # by itself; the line before gives the reason
REASON = re.compile(r"\[error *\] (?P<words>.+?) +\[include\.runtime\.task_boundary\]")
RUN_ID = re.compile(r"creating dag run .* run_id=(?P<run_id>\S+)")


def show_finished(title: str, seconds: float, *, ok: bool = True) -> None:
    """Print the line of a stage that is over."""
    sign = "[green]✓[/]" if ok else "[red]✗[/]"
    console.print(f" {sign} {escape(title):<64}[dim]{seconds:6.1f} s[/]")


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Show a stage while it lasts, and one line when it is over."""
    started = time.monotonic()
    with console.status(f"{escape(title)} …"):
        try:
            yield
        except Exception:
            show_finished(title, time.monotonic() - started, ok=False)
            raise
    show_finished(title, time.monotonic() - started)


@dataclass(frozen=True)
class Task:
    """One task instance of a run that has ended."""

    name: str
    seconds: float
    failure: str = ""

    @property
    def ok(self) -> bool:
        return not self.failure


@dataclass
class RunLog:
    """Reads the log of ``airflow dags test`` line by line and knows which tasks ran, and how they ended."""

    run_id: str = ""
    current: str = ""
    tasks: list[Task] = field(default_factory=list)
    _started: float = 0.0
    _failure: str = ""
    _reason: str = ""
    _tries: Counter[str] = field(default_factory=Counter)

    def read(self, line: str, now: float) -> Task | None:
        """Take in a line; gives the task that ended with it, if one did. ``now``: seconds of any steady clock."""
        if found := RUN_ID.search(line):
            self.run_id = found["run_id"]
        if found := REASON.search(line):
            self._reason = found["words"]
        if TASK_ENDED in line:
            self._failure = self._reason or "failed"
        elif TASK_FAILED in line:
            self._failure = "failed"
        elif self._failure and (found := EXCEPTION.match(line)):
            self._failure = found[0]
        if not (found := TASK_EVENT.search(line)):
            return None
        if found["event"] == "starting":
            index = int(found["index"])
            name = found["task"] + (f" [{index + 1}]" if index >= 0 else "")
            self._tries[name] += 1
            self.current = name if self._tries[name] == 1 else f"{name}, try {self._tries[name]}"
            self._started, self._failure, self._reason = now, "", ""
            return None
        ended = Task(self.current, now - self._started, self._failure)
        self.tasks.append(ended)
        self.current = ""
        return ended
