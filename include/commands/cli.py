"""``planbridge``: the one program behind ``make``. ``planbridge --help`` lists the commands.

Bodies import what they need: a command answers as fast as its own libraries load.
"""

from __future__ import annotations

import gc
import getpass
from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from etl.errors import ParamsError, PlanbridgeError
from etl.files import unwritable

Given = ParamSpec("Given")


def group(help_text: str) -> typer.Typer:
    """A program or a group of commands."""
    return typer.Typer(help=help_text, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


app = group("Planbridge: clients of the CRM to Profiles and eMoney.")
ledger_app = group("The ledger: its revision, upgrade, backup and restoration.")
transfer_app = group("Transfers of contacts between offices.")
app.add_typer(ledger_app, name="ledger")
app.add_typer(transfer_app, name="transfer")


def finish(command: Callable[[], int]) -> None:
    """Runs a command and leaves with its exit status. An error that somebody can mend is one line in words."""
    try:
        status = command()
    except (PlanbridgeError, OSError) as error:
        words = str(error) if isinstance(error, PlanbridgeError) else unwritable(error)
        if words is None:
            raise
        way_out = "" if isinstance(error, PlanbridgeError) else " Make it writable for you, or free the disk."
        Console(stderr=True).print(Text(words + way_out, style="red"), soft_wrap=True)
        status = 1
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped.")
        status = 130
    raise typer.Exit(status)


def ends(command: Callable[Given, int]) -> Callable[Given, None]:
    """A command that leaves with the exit status that its body gives."""

    @wraps(command)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        finish(lambda: command(*args, **kwargs))

    return run


Fresh = Annotated[bool, typer.Option("--fresh", help="Start over with a new demo office and empty sandboxes.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
RunId = Annotated[str, typer.Option("--run", help="The run to undo, by its id.")]
TransferId = Annotated[str, typer.Argument(help="The transfer: the id of its run.", show_default=False)]


@app.command("demo")
@ends
def demo(fresh: Fresh = False) -> int:
    """Run the weeknight refresh once over the demo office and the sandboxes."""
    from include.local import demo as local
    from include.local.installation import Installation

    return local.run(Installation(), fresh=fresh)


@app.command("demo-transfer")
@ends
def demo_transfer(fresh: Fresh = False) -> int:
    """Move a set of the demo office to another office, accepted by its receiving user."""
    from include.local import transfer as local
    from include.local.installation import Installation

    return local.run(Installation(), fresh=fresh)


@app.command("up")
@ends
def up(port: Annotated[str, typer.Option(help="Port of Airflow's web UI on 127.0.0.1.")] = "8080") -> int:
    """Keep the demo installation running with Airflow's web UI until Ctrl-C."""
    from include.local import up as local
    from include.local.installation import Installation

    return local.run(Installation(), port=local.read_port(port))


@app.command("clean")
@ends
def clean() -> int:
    """Remove the demo installation: Airflow's home, demo office, sandboxes, ledger, reports."""
    from include.local.installation import Installation

    Installation().remove("make clean")
    return 0


@app.command("show")
@ends
def show(path: Annotated[Path, typer.Argument(help="A report's run.json.", show_default=False)]) -> int:
    """Print what a run did."""
    from include.commands import run_summary

    return run_summary.show(path)


@app.command("check")
@ends
def check(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")] = False,
) -> int:
    """Look at the installation and the vendors: log-ins, key, clocks, ledger, folder, disk, Airflow. Writes nothing."""
    from include.commands.check import checking

    return checking.check(as_json, Console())


@app.command("why")
@ends
def why(
    unit: Annotated[str, typer.Option(help="The household or contact, such as H12 or C7.")],
    field: Annotated[str, typer.Option(help="clientA.homePhone, account:5.holdingsValue, …; without it all.")] = "",
    vendor: Annotated[str, typer.Option(help="profiles or emoney; without it both.")] = "",
    until: Annotated[str, typer.Option("--date", help="As it stood after the runs up to this date.")] = "",
) -> int:
    """Show where a value at a vendor comes from and what was decided about it, by which rule, run and user."""
    gc.set_threshold(100_000)  # imports make many objects and hardly any garbage
    from include.commands.quick import ledger_for_questions
    from include.commands.why_table import print_answers
    from include.why.asking import ask

    day = _read_day(until.strip())
    ledger = ledger_for_questions()
    print_answers(ask(ledger, unit.strip().upper(), field.strip() or None, vendor.strip() or None, day), Console())
    return 0


@app.command("undo")
@ends
def undo(
    run: RunId,
    unit: Annotated[str, typer.Option(help="Only this household or contact, such as H12 or C7.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go back, and write nothing.")] = False,
) -> int:
    """Put back at Profiles what a run wrote, where it still stands as the run wrote it."""
    from include.commands.operator import operator_context, operator_settings
    from include.commands.undo_table import print_undone
    from include.pipelines.undo.undoing import request_of, undo_run
    from include.runtime.context import reports_of

    settings = operator_settings()
    context = operator_context(request_of(getpass.getuser(), settings.refresh.timezone, dry_run), settings)
    undone = undo_run(context, run.strip(), unit.strip().upper() or None)
    print_undone(undone, reports_of(settings, undone.run_id) / "worklist.html", Console())
    if undone.stopped is not None:
        raise undone.stopped
    return int(any(one.outcome in ("failed", "deferred") for one in undone.outcomes))


@app.command("audit")
@ends
def audit() -> int:
    """Verify that nobody has changed, removed or inserted an entry of the desk's audit. Exit status 1: somebody has."""
    from include.commands import audit as command

    return command.verify()


@ledger_app.command("check")
@ends
def ledger_check() -> int:
    """Show where the ledger is and which revision it has. Exit status 1: this code needs an upgrade of it."""
    from include.commands import ledger

    return ledger.check()


@ledger_app.command("upgrade")
@ends
def ledger_upgrade(
    trial: Annotated[bool, typer.Option("--try", help="On a copy (SQLite), or rolled back (PostgreSQL).")] = False,
) -> int:
    """Upgrade the ledger to the revision that this code needs. A run does the same when it starts."""
    from include.commands import ledger

    return ledger.upgrade(trial)


@ledger_app.command("backup")
@ends
def ledger_backup(
    target: Annotated[Path, typer.Argument(help="A file; or a folder, for a name with the time.", show_default=False)],
    force: Force = False,
) -> int:
    """Write the whole ledger into one file, as of one moment, also while a run writes."""
    from include.commands import ledger

    return ledger.back_up(target, force)


@ledger_app.command("restore")
@ends
def ledger_restore(
    file: Annotated[Path, typer.Argument(help="The file of a backup.", show_default=False)], force: Force = False
) -> int:
    """Put a backup in the place of the ledger, as a whole or not at all. Refused while a run is open."""
    from include.commands import ledger

    return ledger.restore(file, force)


@transfer_app.command("show")
@ends
def transfer_show(transfer: TransferId) -> int:
    """Print what a transfer's manifest says, in counts."""
    from include.commands.operator import operator_settings
    from include.commands.transfer_summary import print_summary, read_summary
    from include.runtime.context import reports_of

    folder = reports_of(operator_settings(), transfer)
    return int(not print_summary(read_summary(folder), folder, Console()))


@transfer_app.command("cancel")
@ends
def transfer_cancel(transfer: TransferId) -> int:
    """End a transfer that nobody has accepted yet; nothing is moved."""
    from include.commands.transfer import cancel

    cancel(transfer, getpass.getuser(), Console())
    return 0


@transfer_app.command("return")
@ends
def transfer_return(transfer: TransferId) -> int:
    """Return a transfer to its source office within 30 days, if nothing of it was edited since."""
    from include.commands.transfer import roll_back

    return int(not roll_back(transfer, Console()))


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ParamsError(f"DATE is a date such as 2026-03-31, not {text!r}.") from None


if __name__ == "__main__":
    app(prog_name="planbridge")
