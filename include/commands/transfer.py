"""Commands for transfers between offices: ``python -m include.commands.transfer show|cancel|return TRANSFER``."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.console import Console

from include.commands.operator import finish

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

TransferId = Annotated[str, typer.Argument(help="The transfer: the id of its run.", show_default=False)]


@app.command("show")
def show_command(transfer: TransferId) -> None:
    """Print what a transfer's manifest says, in counts."""
    finish(lambda: _show(transfer))


@app.command("cancel")
def cancel_command(transfer: TransferId) -> None:
    """End a transfer that nobody has accepted yet; nothing is moved."""
    finish(lambda: _cancel(transfer))


@app.command("return")
def return_command(transfer: TransferId) -> None:
    """Bring a transfer back within 30 days, if nothing of it was edited since."""
    finish(lambda: _return(transfer))


def _show(transfer: str) -> int:
    from include.commands.operator import operator_settings
    from include.commands.transfer_summary import print_summary, read_summary
    from include.runtime.context import reports_of

    folder = reports_of(operator_settings(), transfer)
    return int(not print_summary(read_summary(folder), folder, Console()))


def _cancel(transfer: str) -> int:
    from include.commands.transfer_actions import cancel

    Console().print(cancel(transfer, getpass.getuser()), soft_wrap=True, markup=False)
    return 0


def _return(transfer: str) -> int:
    from include.commands.transfer_actions import bring_back, print_return

    done = bring_back(transfer)
    print_return(transfer, done, Console())
    return int(len(done.edited) > 0)


if __name__ == "__main__":
    app()
