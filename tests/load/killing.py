"""Processes that are killed at a chosen step: right before they send a request or commit to a database.

Nothing between two steps can be seen from outside, so that killing at each of them is killing at every instant.
"""

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import requests
import sqlalchemy as sa

Work = Callable[[], object]

# Every boundary of everything takes many minutes: without EVERY_BOUNDARY=1 (`make test-all`) each fifth is tried.
STRIDE = 1 if os.environ.get("EVERY_BOUNDARY") else 5


def boundaries(first: int = 1, offset: int = 0) -> Iterator[int]:
    """The steps to be killed before, from the first on; where not all are tried, ``offset`` (0 to 4) says which."""
    return count(first if STRIDE == 1 else first + offset, STRIDE)


def run_and_kill(work: Work, at_step: int) -> bool:
    """Runs ``work`` in a process of its own that dies before its step ``at_step``; False where it ended first."""
    process = start(work, at_step)
    return finish(process) == -signal.SIGKILL


def start(work: Work, at_step: int | None = None) -> int:
    """The process that runs ``work``; it gets a copy of everything, and shares open files only."""
    gc.collect()  # a ledger that nobody holds any more is closed, and not shared
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        if at_step is not None:
            _die_before(at_step)
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def finish(process: int) -> int:
    """Waits for the process; gives its exit status, negative for the signal that killed it."""
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the process failed with {code}"
    return code


def _die_before(at_step: int) -> None:
    steps, counting = iter(range(1, at_step)), threading.Lock()

    def count(*_: Any) -> None:
        with counting:
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

    send = requests.adapters.HTTPAdapter.send

    def counted_send(adapter: Any, *request: Any, **more: Any) -> Any:
        count()
        return send(adapter, *request, **more)

    requests.adapters.HTTPAdapter.send = counted_send
    sa.event.listen(sa.engine.Engine, "commit", count)
