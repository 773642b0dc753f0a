"""Fill ``.venv`` from the hash-locked ``requirements.txt`` and ``requirements-dev.txt``, and put ``planbridge`` there.

``python -m include.local.setup`` runs on the machine's own Python (3.11 or newer), before anything is installed: the
standard library only. It installs with the machine's uv or the one from the lock, and with pip where uv fails. The copy
of both locks inside ``.venv`` is written last: a set-up that was interrupted has none and starts over.
"""

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from include import ROOT

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
INSTALLED = VENV / "requirements.txt"
PROGRAM = VENV / "bin" / "planbridge"
HINT = """Set-up failed. Packages come from the Python package index, or from the mirror that pip is configured for:
check the network and run make again."""


class SetupFailed(Exception):
    """A step of the set-up ended with an error; the message is the end of the tool's output."""


def is_complete() -> bool:
    """Whether .venv holds exactly what the locks name."""
    return PYTHON.exists() and INSTALLED.exists() and INSTALLED.read_text() == locked()


def locked() -> str:
    """Both locks, one after the other."""
    return "".join(lock.read_text() for lock in LOCKS)


@contextmanager
def only_one() -> Iterator[None]:
    """Let one set-up run at a time; a second one waits."""
    (ROOT / ".planbridge").mkdir(exist_ok=True)
    with (ROOT / ".planbridge" / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Set-up: another one is running; waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(title: str, *command: object) -> None:
    """Run one step; a terminal counts its seconds. Raises SetupFailed with the last lines of its output."""
    started, is_terminal = time.monotonic(), sys.stdout.isatty()
    print(f"Set-up: {title}", end="" if is_terminal else "\n", flush=True)
    with tempfile.TemporaryFile() as output:
        words = [str(part) for part in command]
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if is_terminal:
                    print(f"\r\033[KSet-up: {title} … {time.monotonic() - started:.0f} s", end="", flush=True)
        finally:
            process.terminate()  # where it was interrupted
            process.wait()
            print(end="\n" if is_terminal else "")
        if process.returncode:
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            raise SetupFailed("\n".join(lines[-15:]))


def pinned(name: str) -> str:
    """The lines of one package in the lock, hashes included."""
    found = re.search(rf"^{name}==.*?(?=^\S)", locked() + "end\n", re.MULTILINE | re.DOTALL)
    if not found:
        raise SetupFailed(f"The locks do not name {name}")
    return found[0]


def install() -> None:
    """Install what the locks name, and nothing else."""
    count = len(set(re.findall(r"^[a-z0-9].*==", locked(), re.MULTILINE)))
    files = [word for lock in LOCKS for word in ("-r", lock)]
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--require-hashes")
    try:
        uv = shutil.which("uv")
        if not uv:
            uv_lock = VENV / "uv.txt"
            uv_lock.write_text(pinned("uv"))
            run("fetching uv", *pip, "--no-deps", "-r", uv_lock)
            uv = str(VENV / "bin" / "uv")
        sync = (uv, "pip", "sync", "--require-hashes", "--compile-bytecode", "--python", PYTHON, *LOCKS)
        run(f"installing {count} packages", *sync)
    except SetupFailed:
        run(f"installing {count} packages with pip (some minutes)", *pip, *files)


def write_program() -> None:
    """Write ``.venv/bin/planbridge``, which works from every folder."""
    PROGRAM.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}${{PYTHONPATH:+:$PYTHONPATH}}" exec "{PYTHON}" -m include.commands.cli "$@"\n'
    )
    PROGRAM.chmod(0o755)


def main() -> int:
    """Set up; the exit status is 0 when .venv is complete."""
    with only_one():
        if is_complete():
            return 0
        try:
            if not INSTALLED.exists():
                shutil.rmtree(VENV, ignore_errors=True)
                run(f"making .venv with Python {sys.version.split()[0]}", sys.executable, "-m", "venv", VENV)
            INSTALLED.unlink(missing_ok=True)
            install()
            write_program()
            INSTALLED.write_text(locked())
        except SetupFailed as failure:
            print(f"{failure}\n\n{HINT}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nSet-up interrupted; the next make starts over.", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
