"""`python -m tests.demo --database URL --households N --seed S`: make a demo office."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from include.demo.build import SEED, TODAY, Summary, build_office
from include.demo.database import DemoError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    database: Annotated[
        str, typer.Option(help="sqlite:////absolute/path.db or postgresql://user:password@host:port/name")
    ],
    households: Annotated[int, typer.Option(min=1, help="How many households.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed and size give the same office.")] = SEED,
    today: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day that ages and loans are computed from.")
    ] = (datetime(TODAY.year, TODAY.month, TODAY.day)),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the demo office in the database.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Plant no defects: no household breaks a rule.")] = False,
    breaks: Annotated[Path | None, typer.Option(help="The list of broken rules [<database>.breaks.json].")] = None,
) -> None:
    """Fill an empty database with an invented agency's CRM."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("Making households", total=households)
            summary = build_office(
                database,
                households,
                seed,
                today.date(),
                overwrite=overwrite,
                clean=clean,
                breaks_path=breaks,
                on_progress=lambda made: progress.update(task, completed=made),
            )
    except DemoError as error:
        console.print(f"[bold red]No demo office:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    _show(Console(), summary)


def _show(console: Console, summary: Summary) -> None:
    table = Table(title="Demo office", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, rows in sorted(summary.counts.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{rows:,}")
    console.print(table)
    console.print(f"{summary.breaks:,} broken rules are listed in {summary.breaks_path}", soft_wrap=True)


if __name__ == "__main__":
    app()
