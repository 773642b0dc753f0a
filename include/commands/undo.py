"""``python -m include.commands.undo --run RUN [--unit UNIT] [--dry-run]``: what ``make undo`` calls."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.console import Console

from include.commands.operator import finish, operator_context, operator_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def undo(
    run: Annotated[str, typer.Option(help="The run to undo, by its id.")],
    unit: Annotated[str, typer.Option(help="Only this household or contact, such as H12 or C7.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go back, and write nothing.")] = False,
) -> None:
    """Put back at Profiles what a run wrote, where it still stands as the run wrote it."""
    finish(lambda: _undo(run.strip(), unit.strip().upper() or None, dry_run))


def _undo(run: str, unit: str | None, dry_run: bool) -> int:
    from include.commands.undo_table import print_undone
    from include.pipelines.undo.undoing import request_of, undo_run
    from include.runtime.staging import folder_name

    settings = operator_settings()
    context = operator_context(request_of(getpass.getuser(), settings.refresh.timezone, dry_run), settings)
    undone = undo_run(context, run, unit)
    report = context.data_folder / "reports" / folder_name(undone.run_id) / "worklist.html"
    print_undone(undone, report, Console())
    if undone.stopped is not None:
        raise undone.stopped
    return int(any(one.outcome in ("failed", "deferred") for one in undone.outcomes))


if __name__ == "__main__":
    app()
