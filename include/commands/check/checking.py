"""Looks at everything that a night needs, side by side, within half a minute; says a line for each thing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

from rich.console import Console
from rich.text import Text

from etl.errors import LedgerUnavailable, SettingsError
from etl.load.http.request import Limiter
from etl.load.ledger.store import Ledger
from expectations import rules
from include import ROOT
from include.commands.check.airflow_settings import check_airflow
from include.commands.check.lines import Check, Line, failed, ok, run_all
from include.commands.check.places import check_crm_clock, check_folder, check_ledger, in_time
from include.commands.check.vendors import check_vendor
from include.commands.operator import ledger_url, operator_settings
from include.commands.quick import find_quickly
from include.pipelines.run.vendors import emoney_limiter
from include.runtime.connections import AirflowConnection, Connections
from include.runtime.context import data_folder_of
from include.runtime.settings import Settings
from include.runtime.vendor_users import read_vendor_users

# All checks together: a program that waits for this one can reckon with half a minute.
DEADLINE_SECONDS = 22.0

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def check(as_json: bool, console: Console) -> int:
    """Prints the lines, or a JSON document; gives 1 where a line has failed."""
    lines = find_lines()
    statuses = {line.status for line in lines}
    if as_json:
        worst = next(status for status in ("failed", "warning", "ok") if status in statuses)
        console.print_json(json.dumps({"status": worst, "checks": [asdict(line) for line in lines]}))
    else:
        _print(lines, console)
    return int("failed" in statuses)


def find_lines(find: Callable[[str], AirflowConnection | None] = find_quickly) -> list[Line]:
    """The lines of the installation that the shell names, else of the demo's."""
    try:
        settings = operator_settings()
    except SettingsError as error:
        return [failed("settings", str(error), "Correct it, then check again: the other checks need the settings.")]
    connections = Connections(find)
    checks: dict[str, Check] = {"settings": partial(_check_files, settings)}
    checks["Profiles"] = partial(check_vendor, "profiles", find)
    checks["eMoney"] = partial(check_vendor, "emoney", find, partial(_emoney_limiter, settings, connections))
    checks["CRM clock"] = lambda: check_crm_clock(connections.crm)
    checks["ledger"] = lambda: check_ledger(ledger_url(settings, connections))
    checks["data folder"] = partial(check_folder, data_folder_of(settings))
    checks["Airflow"] = lambda: check_airflow(
        not ledger_url(settings, connections).startswith("sqlite"), DEADLINE_SECONDS - 1
    )
    return run_all(checks, DEADLINE_SECONDS)


def _emoney_limiter(settings: Settings, connections: Connections, api_key: str) -> Limiter | None:
    """The limiter of the runs; None where no run has made one."""
    url, folder = ledger_url(settings, connections), data_folder_of(settings)
    if url.startswith("sqlite") and not (folder / "limits").exists():
        return None
    ledger = Ledger(in_time(url))
    try:
        return emoney_limiter(settings.emoney, api_key, ledger, folder) if ledger.is_current() else None
    except LedgerUnavailable:
        return None


def _check_files(settings: Settings) -> Iterator[Line]:
    """The settings themselves are valid; the files that they name are read as a run reads them."""
    rules.read_overrides(settings.rules.file)
    if settings.vendors.users_file is not None:
        read_vendor_users(ROOT / settings.vendors.users_file)
    yield ok("settings", f"valid; the night starts at {settings.refresh.schedule} in {settings.refresh.timezone}")


def _print(lines: Sequence[Line], console: Console) -> None:
    width = max(len(line.name) for line in lines)
    for line in lines:
        words = Text(f"{line.status:<8} ", style=_STYLES[line.status])
        words.append(f"{line.name:<{width}}  ", style="bold").append(line.found, style="default not bold")
        console.print(words, soft_wrap=True)
        if line.to_do:
            console.print(Text(f"{'':<{width + 11}}{line.to_do}"), soft_wrap=True)
    console.print(Text(_summary(lines)), soft_wrap=True)


def _summary(lines: Iterable[Line]) -> str:
    statuses = [line.status for line in lines]
    return f"{len(statuses)} checks: {statuses.count('failed')} failed, {statuses.count('warning')} warnings."
