"""The folder of a local installation, its secrets, and the lock that lets one command use it at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from etl.errors import PlanbridgeError
from etl.files import write_whole
from include import ROOT

SECRETS = ("jwt", "session", "admin", "users", "profiles_password", "emoney_api_key")
TYPED = ("admin", "users")  # by people


class Refused(PlanbridgeError):
    """The command cannot be done now; the message says why and what to do."""


class Installation:
    """One folder: Airflow's home, the demo office, the sandboxes' states, the ledger, reports and logs."""

    def __init__(self, folder: Path = ROOT / ".planbridge") -> None:
        self.folder = folder
        self.airflow_home, self.logs = folder / "airflow", folder / "logs"
        # The data folder of the pipeline, with the demo office and the sandboxes' states beside its own files.
        self.data = folder / "demo"
        self.crm = self.data / "crm.sqlite"
        self.office_day = self.data / "office_day"  # the date that the demo office was made for

    def sandbox(self, vendor: str) -> Path:
        """The database that a vendor's sandbox keeps its state in."""
        return self.data / f"sandbox_{vendor}.sqlite"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """The secrets of this installation, made once, readable by their owner only."""
        file = self.folder / "secrets.json"
        made: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        missing = [name for name in SECRETS if name not in made]
        if missing:
            self.folder.mkdir(parents=True, exist_ok=True)
            made |= {name: secrets.token_urlsafe(12 if name in TYPED else 32) for name in missing}
            write_whole(file, json.dumps(made, indent=1).encode())
        return made

    @contextmanager
    def in_use(self, command: str, address: str = "") -> Iterator[None]:
        """Let one command at a time use the installation. Raises Refused, which names the command that uses it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        who = self.folder / "in_use.json"
        with (self.folder / "in_use.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(_already(who)) from None
            write_whole(who, json.dumps({"command": command, "pid": os.getpid(), "address": address}).encode())
            try:
                yield
            finally:
                who.unlink(missing_ok=True)

    def remove(self, command: str) -> None:
        """Remove the folder with everything in it. Raises Refused while a command uses it."""
        with self.in_use(command):
            shutil.rmtree(self.folder)


def _already(who: Path) -> str:
    try:
        user = json.loads(who.read_text())
    except (OSError, ValueError):
        return "This installation is in use by another command. Wait for it or stop it."
    address = f" at {user['address']}" if user["address"] else ""
    way_out = (
        "Stop it with Ctrl-C in its window, or" if user["command"] == "make up" else "Wait for it to end, or stop it"
    )
    return (
        f"{user['command']} is already running in this checkout{address} (process {user['pid']}). "
        f"{way_out} with: kill {user['pid']}"
    )
