"""``python -m include.local demo|demo-transfer|up|clean``: the commands behind ``make``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from typing import Annotated

import typer

from etl.files import unwritable
from include.local import demo, transfer, up
from include.local.installation import Installation, Refused
from include.local.progress import console

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def finish(command: Callable[[], int]) -> None:
    """Run a command and leave with its exit status; a refusal is a message, not a traceback."""
    try:
        status = command()
    except Refused as refusal:
        console.print(str(refusal), style="red", markup=False)
        status = 1
    except OSError as error:
        words = unwritable(error)
        if words is None:
            raise
        console.print(f"{words} Make it writable for you, or free the disk.", style="red", markup=False)
        status = 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        status = 130
    raise typer.Exit(status)


Fresh = Annotated[bool, typer.Option("--fresh", help="Start over with a new demo office and empty sandboxes.")]


@app.command("demo")
def demo_command(fresh: Fresh = False) -> None:
    """Run the weeknight refresh once over the demo office and the sandboxes."""
    finish(lambda: demo.run(Installation(), fresh=fresh))


@app.command("demo-transfer")
def demo_transfer_command(fresh: Fresh = False) -> None:
    """Move a set of the demo office to another office, accepted by its receiving user."""
    finish(lambda: transfer.run(Installation(), fresh=fresh))


@app.command("up")
def up_command(port: Annotated[str, typer.Option(help="Port of Airflow's web UI on 127.0.0.1.")] = "8080") -> None:
    """Keep the installation running with Airflow's web UI until Ctrl-C."""
    finish(lambda: up.run(Installation(), port=read_port(port)))


def read_port(text: str) -> int:
    """A port's number. Raises Refused for any other text."""
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise Refused(f"PORT is a number from 1 to 65535, not {text!r}. For example: make up PORT=8080")
    return int(text)


@app.command("clean")
def clean_command() -> None:
    """Forget the installation: Airflow's home, demo office, sandboxes, ledger, reports."""
    finish(lambda: clean(Installation()))


def clean(installation: Installation) -> int:
    """Remove the installation's folder, unless a command uses it."""
    with installation.in_use("make clean"):
        shutil.rmtree(installation.folder)
    return 0


if __name__ == "__main__":
    app()
