"""Where a transfer finds its databases, its ledger and its files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from etl.load.ledger.transfers import transfers
from etl.load.transfer.databases import are_one
from include.pipelines.transfer.request import TransferRequest
from include.runtime.context import Context
from include.runtime.staging import Staging, folder_name


class TransferContext(Context[TransferRequest]):
    """A transfer between two offices."""

    @property
    def folder(self) -> Path:
        """Where transfers keep files: a transfer may wait longer than the files of other runs are kept."""
        return self.data_folder / "transfers"

    @cached_property
    def staging(self) -> Staging:
        """The staged files of this transfer."""
        return Staging(self.folder, self.request.run_id)

    @property
    def source(self) -> str:
        """The URL of the source office's database."""
        return self.connections.crm

    @property
    def target(self) -> str:
        """The URL of the target office's database; the same as the source's where there is no other."""
        return self.connections.crm_target

    @cached_property
    def is_one_database(self) -> bool:
        """Whether both offices are in one database: asked of the databases, as the move asks."""
        return are_one(self.source, self.target)

    @cached_property
    def database_names(self) -> tuple[str, str]:
        """The source's and the target's name in the ledger."""
        source, target = transfers.fingerprint(self.source), transfers.fingerprint(self.target)
        if self.is_one_database:
            return source, source
        return source, target if target != source else transfers.fingerprint(self.target, apart=True)

    @property
    def archive(self) -> Path:
        """The folder of what may not move: the source office's, apart from reports, which hold no values."""
        return self.data_folder / "archive" / folder_name(self.request.run_id)
