"""Where a transfer finds its databases, its ledger and its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from etl.load.ledger.store import Ledger, default_url
from include.connections import Connections
from include.refresh.context import ROOT
from include.settings import Settings
from include.staging import Staging, folder_name
from include.transfer.request import TransferRequest


@dataclass(frozen=True)
class TransferContext:
    """A transfer's request with everything it needs; made anew in each task's process."""

    request: TransferRequest
    settings: Settings
    connections: Connections = field(repr=False)

    @cached_property
    def data_folder(self) -> Path:
        """Absolute: a relative one lies in the project, wherever the process was started."""
        return (ROOT / self.settings.data.folder).resolve()

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened and with its tables in place."""
        ledger = Ledger(self.connections.ledger or default_url(self.data_folder))
        ledger.migrate()
        return ledger

    @cached_property
    def staging(self) -> Staging:
        """The staged files: apart from other runs', which are removed sooner than a transfer may wait."""
        return Staging(self.data_folder / "transfers", self.request.run_id)

    @property
    def source(self) -> str:
        """The URL of the source office's database."""
        return self.connections.crm

    @property
    def target(self) -> str:
        """The URL of the target office's database; the same as the source's where there is no other."""
        return self.connections.crm_target

    @property
    def archive(self) -> Path:
        """The folder of what may not move: the source office's, apart from reports, which hold no values."""
        return self.data_folder / "archive" / folder_name(self.request.run_id)

    @property
    def reports(self) -> Path:
        """The folder of the run's report."""
        return self.data_folder / "reports" / folder_name(self.request.run_id)
