"""Where a run finds its ledger and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from etl.load.ledger.store import Ledger, default_url
from include import ROOT
from include.runtime.connections import Connections
from include.runtime.report_names import name_report
from include.runtime.settings import Settings
from include.runtime.staging import Staging, folder_name


def data_folder_of(settings: Settings) -> Path:
    """Absolute: a relative folder lies in the project, not where the process was started."""
    return (ROOT / settings.data.folder).resolve()


def ledger_of(settings: Settings, connections: Connections) -> Ledger:
    """The ledger, opened and with its tables in place."""
    ledger = Ledger(connections.ledger or default_url(data_folder_of(settings)))
    ledger.migrate()
    return ledger


def reports_of(settings: Settings, run_id: str) -> Path:
    """The folder of a run's report."""
    return data_folder_of(settings) / "reports" / folder_name(run_id)


class HasRunId(Protocol):
    """A request of any run."""

    @property
    def run_id(self) -> str: ...


Request = TypeVar("Request", bound=HasRunId)


@dataclass(frozen=True)
class Context(Generic[Request]):
    """A request with everything that it needs; made once in each task's process.

    ``opened``: the ledger, where the request could not be read without it.
    """

    request: Request
    settings: Settings
    connections: Connections = field(repr=False)
    opened: Ledger | None = field(default=None, repr=False)

    @cached_property
    def data_folder(self) -> Path:
        """The folder of everything that is not in a database."""
        return data_folder_of(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened and with its tables in place."""
        return ledger_of(self.settings, self.connections) if self.opened is None else self.opened

    @cached_property
    def staging(self) -> Staging:
        """The run's staged files."""
        return Staging(self.data_folder, self.request.run_id)

    @property
    def reports(self) -> Path:
        """The folder of the run's report."""
        return reports_of(self.settings, self.request.run_id)

    def name_report(self, run: Mapping[str, Any]) -> None:
        """Gives the report of a run a name that a person can type. ``run``: its row in the ledger."""
        began, timezone = run["started_at"], self.settings.refresh.timezone
        name_report(self.data_folder, run["run_id"], run["dag_id"], began, timezone)
