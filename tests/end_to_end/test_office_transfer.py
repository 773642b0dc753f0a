"""A Saturday's transfer through a real scheduler, over the REST API, from one PostgreSQL database to another.

Three transfers at once: one is accepted, one rejected, one that nobody answers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.demo import build_office
from include.local.api import ApiError
from tests.end_to_end.live import Live
from tests.end_to_end.services import Services, Visitor

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.xdist_group("live")]

DAG = "office_transfer"
ASKING, RECEIVING, BYSTANDER = "main.morgan", "lakeside.morgan", "lakeside.chen"
BOTH_OFFICES = {
    "source_office_id": 1,
    "target_office_id": 2,
    "requested_by": ASKING,
    "receiving_user": RECEIVING,
}


@dataclass(frozen=True)
class Offices:
    """Two offices' databases and a ledger, all in PostgreSQL, and a running Airflow between them."""

    source: str
    target: str
    ledger: str
    data: Path
    services: Services

    def rows(self, url: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return connection.execute(query, values).fetchall()

    def living(self, contact_ids: list[int]) -> int:
        """How many of these are still contacts of the source office."""
        still = "SELECT count(*) FROM contact WHERE contact_id = ANY(%s) AND deleted_at IS NULL"
        [(count,)] = self.rows(self.source, still, contact_ids)
        return int(count)

    def ending(self, run_id: str) -> tuple[str, str | None]:
        """How a transfer has ended, and who said so."""
        [row] = self.rows(self.ledger, "SELECT status, answered_by FROM transfer WHERE transfer_id = %s", run_id)
        return row[0], row[1]

    def families(self) -> list[list[int]]:
        """The contacts of whole households of office 1, the largest first."""
        found = self.rows(
            self.source,
            "SELECT array_agg(m.contact_id ORDER BY m.contact_id) FROM household_member m "
            "JOIN household h USING (household_id) JOIN contact c USING (contact_id) "
            "WHERE h.office_id = 1 AND h.deleted_at IS NULL AND c.deleted_at IS NULL "
            "GROUP BY household_id ORDER BY count(*) DESC, household_id",
        )
        return [list(ids) for (ids,) in found]


@dataclass(frozen=True)
class Waiting:
    """Whoever asks, and whom each transfer is to move, by its id."""

    asking: Visitor
    families: dict[str, list[int]]


@pytest.fixture(scope="module")
def offices(live: Live, tmp_path_factory: pytest.TempPathFactory, postgres_url: Callable[[], str]) -> Iterator[Offices]:
    folder = tmp_path_factory.mktemp("offices")
    source, target, ledger = postgres_url(), postgres_url(), postgres_url()
    for url, seed in ((source, 7), (target, 11)):
        build_office(url, 24, seed=seed, clean=True, breaks_path=folder / "breaks.json")
    live.connect(crm=source, crm_target=target, ledger=ledger)
    live.user.wait_for_dag(DAG)
    yield Offices(source, target, ledger, live.book.folder / "data", live.services)
    live.connect_its_own()


@pytest.fixture(scope="module")
def waiting(offices: Offices) -> Waiting:
    """Three transfers that wait for an answer (the last of them not for long), and whom each is to move."""
    asking = offices.services.visitor(ASKING)
    families = dict(zip(("accepted", "rejected", "late"), offices.families(), strict=False))
    for run_id, contact_ids in families.items():
        patience = {"accept_within": 8 / 86_400} if run_id == "late" else {}
        asking.trigger(DAG, {**BOTH_OFFICES, "contact_ids": contact_ids, **patience}, run_id)
    for run_id in ("accepted", "rejected"):
        asking.wait_for_task(DAG, run_id, "accept_transfer", "awaiting_input")
    return Waiting(asking, families)


@pytest.fixture(scope="module")
def ended(offices: Offices, waiting: Waiting) -> Waiting:
    """The receiving user has answered, and all three have ended."""
    receiving = offices.services.visitor(RECEIVING)
    receiving.answer(DAG, "rejected", "accept_transfer", "Reject")
    receiving.answer(DAG, "accepted", "accept_transfer", "Accept")
    for run_id in waiting.families:
        assert waiting.asking.wait_for_end(DAG, run_id) == "success", log_of(offices, run_id)
    return waiting


def test_the_question_goes_to_the_receiving_user_with_the_manifests_counts(offices: Offices, waiting: Waiting) -> None:
    question = waiting.asking.question(DAG, "accepted", "accept_transfer")
    assert [user["id"] for user in question["assigned_users"]] == [RECEIVING]
    assert f"| Contacts | {len(waiting.families['accepted'])} |" in question["body"]
    names = "SELECT last_name FROM contact WHERE contact_id = ANY(%s)"
    seen = offices.rows(offices.source, names, waiting.families["accepted"])
    assert not [name for (name,) in seen if name in question["body"]]


@pytest.mark.parametrize("who", ["admin", BYSTANDER, ASKING])
def test_nobody_else_can_accept(offices: Offices, waiting: Waiting, who: str) -> None:
    with pytest.raises(ApiError) as refused:
        offices.services.visitor(who).answer(DAG, "accepted", "accept_transfer", "Accept")
    assert refused.value.status == 403
    assert waiting.asking.task_states(DAG, "accepted")["accept_transfer"] == "awaiting_input"


def test_what_was_accepted_is_in_the_target_and_retired_in_the_source(offices: Offices, ended: Waiting) -> None:
    ids = ended.families["accepted"]
    moved = "SELECT target_id FROM transfer_v WHERE transfer_id = 'accepted' AND entity = 'contact'"
    keys = [int(key) for (key,) in offices.rows(offices.ledger, moved)]
    people = "SELECT first_name, last_name, birth_date, tax_id FROM contact WHERE contact_id = ANY(%s) ORDER BY 1, 2, 3"
    assert offices.rows(offices.target, people, keys) == offices.rows(offices.source, people, ids)
    assert offices.living(ids) == 0
    homes = (
        "SELECT DISTINCT c.office_id, user_name FROM contact c JOIN crm_user ON assigned_user_id = user_id "
        "WHERE contact_id = ANY(%s)"
    )
    assert offices.rows(offices.target, homes, keys) == [(2, RECEIVING)]


def test_the_manifest_says_that_it_happened_as_planned(offices: Offices, ended: Waiting) -> None:
    folder = offices.data / "reports" / "accepted"
    assert "What happened equals the manifest, row by row." in (folder / "manifest.html").read_text()
    lines = list(csv.DictReader(io.StringIO((folder / "manifest.csv").read_text("utf-8-sig"))))
    told = {(line["entity"], line["entity_id"], line["decision"]) for line in lines if not line["field"]}
    kept = "SELECT entity, entity_id, decision FROM transfer_v WHERE transfer_id = 'accepted'"
    assert told == set(offices.rows(offices.ledger, kept))
    outcomes = "SELECT DISTINCT vendor, outcome FROM outcome_v WHERE run_id = 'accepted'"
    assert offices.rows(offices.ledger, outcomes) == [("transfer", "created")]


def test_a_rejection_ends_the_transfer_with_nothing_changed(offices: Offices, ended: Waiting) -> None:
    assert offices.ending("rejected") == ("rejected", RECEIVING)
    assert ended.asking.task_states(DAG, "rejected")["import_transfer"] == "skipped"
    assert offices.living(ended.families["rejected"]) == len(ended.families["rejected"])


def test_no_answer_in_time_is_a_timeout_and_no_rejection(offices: Offices, ended: Waiting) -> None:
    assert offices.ending("late") == ("timed_out", None)
    assert offices.living(ended.families["late"]) == len(ended.families["late"])
    assert "Nobody answered in time" in (offices.data / "reports" / "late" / "manifest.html").read_text()


def log_of(offices: Offices, run_id: str) -> str:
    tasks = ("plan_transfer", "accept_transfer", "import_transfer", "report_transfer")
    return "\n".join(offices.services.log(DAG, run_id, task) for task in tasks)[-6000:]
