"""Fill ``.venv`` from the hash-locked ``requirements.txt``.

Runs on the machine's own Python (3.11 or newer), before anything is installed: the standard library only. Installs with
uv (itself taken from the lock) and, where uv cannot be had or cannot reach the package index, with pip. The copy of
``requirements.txt`` inside ``.venv`` is written last; a set-up that was interrupted has none and starts from nothing.
"""

import fcntl
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.txt"
INSTALLED = VENV / "requirements.txt"
HINT = """Set-up failed. Packages come from the Python package index, or from the mirror that pip is configured for:
check the network and run make again."""


class SetupFailed(Exception):
    """A step of the set-up ended with an error; the message is what the tool printed last."""


def is_complete() -> bool:
    """Whether .venv holds exactly what requirements.txt names."""
    return PYTHON.exists() and INSTALLED.exists() and INSTALLED.read_bytes() == LOCK.read_bytes()


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


def run(title: str, *command: object, **environment: str) -> None:
    """Run one step with a progress line; its output is shown only when it fails.

    Raises SetupFailed with the last lines of the output.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
        try:
            show_progress(title, process, started)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            raise SetupFailed("\n".join(lines[-15:]))


def show_progress(title: str, process: subprocess.Popen, started: float) -> None:
    """Keep one line moving on a terminal; elsewhere print it once."""
    if not sys.stdout.isatty():
        print(f"Set-up: {title}", flush=True)
        process.wait()
        return
    for sign in itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
        print(f"\r\033[KSet-up: {title} {sign} {time.monotonic() - started:.0f} s", end="", flush=True)
        try:
            process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
        done = "done" if process.returncode == 0 else "failed"
        print(f"\r\033[KSet-up: {title}: {done} in {time.monotonic() - started:.0f} s", flush=True)
        return


def pinned(name: str) -> str:
    """The lines of one package in the lock, hashes included."""
    found = re.search(rf"^{name}==.*?(?=^\S)", LOCK.read_text() + "end\n", re.MULTILINE | re.DOTALL)
    if not found:
        raise SetupFailed(f"requirements.txt does not name {name}")
    return found[0]


def install() -> None:
    """Install what the lock names, and nothing else."""
    count = len(re.findall(r"^[a-z0-9].*==", LOCK.read_text(), re.MULTILINE))
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--require-hashes")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as uv_lock:
        uv_lock.write(pinned("uv"))
        uv_lock.flush()
        try:
            run("fetching uv", *pip, "--no-deps", "-r", uv_lock.name)
            command = (PYTHON, "-m", "uv", "pip", "sync", "--require-hashes", "--compile-bytecode", LOCK)
            run(f"installing {count} packages", *command, VIRTUAL_ENV=str(VENV))
        except SetupFailed:
            run(f"installing {count} packages with pip (some minutes)", *pip, "-r", LOCK)


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
            shutil.copyfile(LOCK, INSTALLED)
        except SetupFailed as failure:
            print(f"{failure}\n\n{HINT}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nSet-up interrupted; the next make starts it anew.", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
