"""Transfers stage by stage, as their tasks run them, without Airflow: two offices, a ledger, a data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from include.pipelines.transfer import answer, move, plan, report
from include.pipelines.transfer.request import TransferContext, read_transfer_request
from include.runtime.acting import COMMAND_LINE, Actor, Triggered
from include.runtime.connections import Connections
from include.runtime.settings import Data, Settings
from tests.pipelines.transfer.books import SOURCE, TARGET, TwoOffices
from tests.pipelines.transfer.moving import Database
from tests.run_book import access_to

MAY_EXPORT = ("Data Export", "Export contacts to another office - Button")
MAY_IMPORT = ("Data Import",)
FORM: dict[str, Any] = dict.fromkeys(
    ("contact_ids", "set_id", "source_office_id", "target_office_id", "requested_by", "receiving_user", "accept_within")
) | {"add_related": False, "dry_run": False}


def book_with_rights() -> TwoOffices:
    """The book's two users may do what a transfer takes; a third one in the target may, too."""
    book = TwoOffices()
    for right in MAY_EXPORT:
        book.add("user_right", user_id=1, right_name=right)
    book.add("crm_user", user_name="bystander", office_id=TARGET, status="Enabled")
    for user_id in (2, 3):
        book.add("user_right", user_id=user_id, right_name=MAY_IMPORT[0])
    return book


@dataclass
class Area:
    """Where transfers happen; each method is a task of ``office_transfer``."""

    folder: Path
    crm: Database
    target: Database | None = None  # the target office's database, where it is another one
    ledger: str | None = None

    def context(self, run_id: str, **asked: Any) -> TransferContext:
        """A new one for each task, as in a process of its own."""
        given = {
            "source_office_id": SOURCE,
            "target_office_id": TARGET,
            "requested_by": "mover",
            "receiving_user": "receiver",
            **asked,
        }
        asked, actor = datetime(2026, 11, 21, 17, 30, tzinfo=UTC), Actor.of(COMMAND_LINE, ())
        run = Triggered(run_id, "office_transfer", FORM | given, given, asked.date(), asked, actor)
        request = read_transfer_request(run)
        urls = {"crm": self.crm.url, "crm_target": self.target and self.target.url, "ledger": self.ledger}
        found: dict[str, Any] = {name: access_to(url) for name, url in urls.items() if url}
        return TransferContext(request, Settings(data=Data(folder=self.folder)), Connections(found.get))

    def plan(self, run_id: str, **asked: Any) -> dict[str, int]:
        return plan.plan_transfer(self.context(run_id, **asked))

    def answer(self, run_id: str, choice: str, user: str | None = "receiver", only: Any = None, **asked: Any) -> Any:
        given = {"choice": choice, "user": user, "only": only}
        return answer.take_answer(self.context(run_id, **asked), given)

    def move(self, run_id: str, **asked: Any) -> dict[str, int] | None:
        return move.move_accepted(self.context(run_id, **asked))

    def report(self, run_id: str, failed_tasks: Sequence[str] = (), **asked: Any) -> dict[str, Any]:
        return report.report_transfer(self.context(run_id, **asked), failed_tasks)

    def transfer(self, run_id: str, **asked: Any) -> dict[str, Any]:
        """All of it, accepted as a whole."""
        self.plan(run_id, **asked)
        self.answer(run_id, "Accept", **asked)
        self.move(run_id, **asked)
        return self.report(run_id, **asked)

    def found(self, run_id: str) -> Transfer:
        found = transfers.find(self.context(run_id, contact_ids=[1]).ledger, run_id)
        assert found is not None
        return found

    def outcomes(self, run_id: str) -> dict[str, tuple[str, str | None]]:
        """unit -> outcome and reason."""
        rows = Database(f"sqlite:///{self.folder / 'ledger.db'}")
        with rows.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT unit_key, outcome, reason FROM outcome_v WHERE run_id = ? AND vendor = 'transfer'", (run_id,)
            )
            return {row.unit_key: (row.outcome, row.reason) for row in found}

    def rules(self, run_id: str) -> set[tuple[str, str]]:
        """unit and rule of the run's findings."""
        ledger = Database(f"sqlite:///{self.folder / 'ledger.db'}")
        with ledger.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT unit_key, rule_id FROM finding_v WHERE run_id = ? AND vendor = 'transfer'", (run_id,)
            )
            return {(row.unit_key, row.rule_id) for row in found}

    def reports(self, run_id: str) -> Path:
        return self.folder / "reports" / run_id

    def offices_of(self, contact_id: int) -> list[tuple[int, bool]]:
        """The office of every record with this contact's name, and whether it is retired."""
        name = self.crm.one("contact", contact_id=contact_id)["first_name"]
        return [(row["office_id"], row["deleted_at"] is not None) for row in self.crm.rows("contact", first_name=name)]


def make_area(folder: Path, book: TwoOffices) -> Area:
    url = f"sqlite:///{folder / 'crm.db'}"
    book.write(url)
    return Area(folder, Database(url))
