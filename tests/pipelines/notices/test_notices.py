"""Notices arrive at a real mail server: each once, none when nothing changes, and later what could not be sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.load.ledger import answers, runs
from etl.load.ledger.desk import notices, work
from etl.load.ledger.desk.work import Person
from etl.load.ledger.guards import Stopped, save_stop
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import notice, run, waiver, work_item
from include.pipelines.notices.sending import NoticesContext, NotSent, send_notices
from include.runtime.settings import Settings
from tests.load.ledger.desk.desks import BY_HAND, Nights, found, labelled
from tests.report.test_hostile_text import HOSTILE, unseen
from tests.smtp import MailServer, mail_server

pytestmark = pytest.mark.airflow

DESK = "https://airflow.example.com/desk"
ADDRESSES = {
    "morgan": "morgan@example.com",
    "office:2": "office-2@example.com",
    "operators": "operators@example.com",
}
# A Tuesday, eight in the morning in New York.
MORNING = datetime(2026, 3, 3, 13)
OFFICES = labelled(("H1", "Lee", 1, "morgan"), ("H2", "Fox", 2, "chen"), ("C3", "Kit", 1, "chen"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with mail_server() as running:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", running.connection)
        yield running


class Office:
    """A ledger whose clock a test sets, and the people who have an address."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, addresses: dict[str, str]) -> None:
        self.file = folder / "addresses.csv"
        rows = [f"{recipient},{address}\n" for recipient, address in addresses.items()]
        self.file.write_text("recipient,address\n" + "".join(rows))
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
        self.ledger.migrate()
        self.at = MORNING
        monkeypatch.setattr(self.ledger, "now", lambda: self.at)
        self.nights = Nights(self.ledger)
        self.nights.now = lambda: self.at - timedelta(hours=9)  # type: ignore[method-assign]

    def send(self, **setting: Any) -> int:
        """Runs the task; gives how many mails were sent."""
        given = Settings(notices={"addresses_file": self.file, **setting})  # type: ignore[arg-type]
        return send_notices(NoticesContext(given, self.ledger, DESK))["sent"]

    def night(self, *found_now: Any) -> str:
        return self.nights.run(*found_now, labels=OFFICES)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path, monkeypatch, ADDRESSES)


def words(server: MailServer, address: str) -> list[tuple[str, str]]:
    """The subject and the page of each mail to somebody."""
    return [(str(mail["subject"]), page_of(mail)) for mail in server.to(address)]


def page_of(mail: Any) -> str:
    body = mail.get_body(("html",)) or next(part for part in mail.walk() if part.get_content_type() == "text/html")
    return str(body.get_content())


class TestTheDigest:
    def test_a_steward_an_office_and_the_operators_get_their_own_counts_and_a_link(
        self, office: Office, server: MailServer
    ) -> None:
        office.night(found("H1"), found("H1", "HH-PRIMARY", severity="warning"), found("H2"), found("C3", "LIA-TERM"))
        assert office.send() == 3
        ((subject, page),) = words(server, "morgan@example.com")
        assert subject == "Planbridge: 3 March: 2 items to mend, 1 critical"
        assert "2 items to mend in 1 client (1 household, 0 persons); 1 critical." in page
        assert "All of it is new: this is the first digest." in page
        assert f'href="{DESK}/"' in page
        ((subject, _),) = words(server, "office-2@example.com")
        assert "1 item to mend" in subject
        ((_, page),) = words(server, "operators@example.com")
        assert "4 items to mend in 3 clients (2 households, 1 person); 3 critical." in page

    def test_it_comes_once_a_morning_and_not_where_nothing_has_changed(
        self, office: Office, server: MailServer
    ) -> None:
        office.night(found("H1"))
        assert office.send() == 2
        assert office.send() == 0
        office.at += timedelta(days=1)
        office.night(found("H1"))
        assert office.send() == 0
        office.at += timedelta(days=1)
        office.night()
        assert office.send() == 2
        _, (_, page) = words(server, "morgan@example.com")
        assert "Since the last digest 0 are new and 1 are mended." in page

    @pytest.mark.parametrize(
        "at", [datetime(2026, 3, 3, 11, 59), datetime(2026, 3, 7, 13), datetime(2026, 3, 8, 13)],
        ids=["before seven", "a Saturday", "a Sunday"],
    )  # fmt: skip
    def test_it_waits_for_the_morning_of_a_weekday(self, office: Office, server: MailServer, at: datetime) -> None:
        office.at = at
        office.night(found("H1"))
        assert office.send() == 0

    def test_a_stewards_work_is_what_is_assigned_and_what_nobody_has_among_the_stewards_clients(
        self, office: Office, server: MailServer
    ) -> None:
        office.night(found("H1"), found("H2"))
        ids = dict(office.ledger.mapping(sa.select(work_item.c.unit_key, work_item.c.item_id)))
        work.assign(office.ledger, Person("boss", None), [ids["H2"]], "morgan")
        work.assign(office.ledger, Person("boss", None), [ids["H1"]], "chen")
        office.send()
        ((subject, _),) = words(server, "morgan@example.com")
        assert "1 item to mend" in subject
        counted = notices.count_work(office.ledger, datetime.min, steward="morgan")
        assert (counted.items, counted.households) == (1, 1)

    def test_information_is_nobodys_work(self, office: Office, server: MailServer) -> None:
        office.night(found("H1", "LIA-COMPUTED", severity="info"))
        assert office.send() == 0


def begin_run(office: Office, run_id: str, dag_id: str = BY_HAND, by: str | None = "morgan") -> None:
    runs.start_run(office.ledger, run_id, dag_id, office.at.date(), by, False, {}, by)


def fail(office: Office, run_id: str, why: str) -> None:
    runs.stop_run(office.ledger, run_id, "extract", why)
    ended = sa.update(run).where(run.c.run_id == run_id).values(status="failed", finished_at=office.at)
    office.ledger.execute(ended)


class TestAChangeOfState:
    def test_a_run_that_failed_is_said_once_to_the_operators_and_to_who_asked(
        self, office: Office, server: MailServer
    ) -> None:
        begin_run(office, "hand/1")
        fail(office, "hand/1", "The CRM has no household 99.")
        assert office.send() == 2
        assert office.send() == 0
        ((subject, page),) = words(server, "morgan@example.com")
        assert subject == "Planbridge: Household sync of 3 March failed"
        assert "The CRM has no household 99." in page
        assert f'href="{DESK}/runs/hand%2F1"' in page

    def test_a_guard_is_named(self, office: Office, server: MailServer) -> None:
        begin_run(office, "night", "weeknight_refresh", None)
        save_stop(office.ledger, Stopped("emoney", "night", office.at.date(), ("40 % would change",), "h", {}))
        fail(office, "night", "emoney: 40 % of the linked units would be updated.")
        assert office.send() == 1
        ((subject, _),) = words(server, "operators@example.com")
        assert subject.endswith("was stopped by a guard, before its first write")

    def test_a_night_that_has_not_ended_is_not_through(self, office: Office, server: MailServer) -> None:
        begin_run(office, "night", "weeknight_refresh", None)
        assert office.send() == 0
        office.at += timedelta(hours=7)
        assert office.send() == 1
        ((subject, _),) = words(server, "operators@example.com")
        assert subject.endswith("is not through")

    def test_a_question_waits(self, office: Office, server: MailServer) -> None:
        begin_run(office, "hand")
        answers.ask(office.ledger, "hand", "profiles", "H12", {"households": []})
        assert office.send() == 2
        assert office.send() == 0
        ((subject, _),) = words(server, "morgan@example.com")
        assert subject == "Planbridge: a run by hand waits for an answer about H12"

    def test_a_waiver_is_on_its_last_day(self, office: Office, server: MailServer) -> None:
        row = {
            "unit_key": "H1", "rule_id": "DEM-BIRTH-DATE", "entity": "", "entity_id": "", "reason": "adopted abroad",
            "from_day": date(2026, 3, 1), "until_day": date(2026, 3, 5), "asked_by": "morgan", "asked_at": MORNING,
        }  # fmt: skip
        with office.ledger.write() as connection:
            office.ledger.insert(connection, waiver, [row])
        assert office.send() == 0
        office.at += timedelta(days=1)
        assert office.send() == 2
        assert office.send() == 0
        ((subject, page),) = words(server, "morgan@example.com")
        assert subject.endswith("for H1 ends today")
        assert "From 2026-03-05 on the item is open again." in page
        assert "adopted" not in page

    def test_a_dry_run_and_what_is_long_past_are_no_news(self, office: Office, server: MailServer) -> None:
        runs.start_run(office.ledger, "dry", BY_HAND, office.at.date(), "morgan", True, {}, "morgan")
        fail(office, "dry", "The CRM is down.")
        begin_run(office, "old")
        fail(office, "old", "The CRM is down.")
        office.ledger.execute(
            sa.update(run).where(run.c.run_id == "old").values(finished_at=office.at - timedelta(days=3))
        )
        assert office.send() == 0


class TestAMailServerThatFails:
    def test_what_was_not_taken_is_sent_next_time_and_the_rest_only_once(
        self, office: Office, server: MailServer
    ) -> None:
        begin_run(office, "hand")
        fail(office, "hand", "The CRM is down.")
        server.refuses = {"morgan@example.com"}
        with pytest.raises(NotSent, match=r"1 notices could not be sent: run:hand:failed \(SMTPRecipientsRefused\)"):
            office.send()
        assert [len(server.to(address)) for address in ("operators@example.com", "morgan@example.com")] == [1, 0]
        server.refuses = set()
        assert office.send() == 1
        assert [len(server.to(address)) for address in ("operators@example.com", "morgan@example.com")] == [1, 1]

    def test_a_server_that_cannot_be_reached_loses_nothing(
        self, office: Office, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin_run(office, "hand")
        fail(office, "hand", "The CRM is down.")
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", server.connection.replace(str(server.port), "1"))
        with pytest.raises(NotSent, match="2 notices could not be sent"):
            office.send()
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", server.connection)
        assert office.send() == 2

    def test_a_mail_whose_sending_was_cut_off_is_not_sent_twice(self, office: Office, server: MailServer) -> None:
        begin_run(office, "hand")
        fail(office, "hand", "The CRM is down.")
        assert office.send() == 2
        office.ledger.execute(sa.update(notice).values(sent_at=None))
        assert office.send() == 0
        assert len(server.mails) == 2

    def test_a_digest_that_was_not_sent_gives_way_to_the_next(self, office: Office, server: MailServer) -> None:
        office.night(found("H1"))
        server.refuses = {"morgan@example.com"}
        with pytest.raises(NotSent):
            office.send()
        server.refuses = set()
        office.at += timedelta(days=1)
        office.night(found("H1"), found("H1", "HH-PRIMARY", severity="warning"))
        office.send()
        ((subject, page),) = words(server, "morgan@example.com")
        assert subject == "Planbridge: 4 March: 2 items to mend, 1 critical"
        assert "this is the first digest" in page


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_mail_holds_no_name_and_hostile_text_stays_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: MailServer, text: str
) -> None:
    office = Office(tmp_path, monkeypatch, ADDRESSES)
    begin_run(office, "hand", by=text)
    fail(office, "hand", text)
    office.nights.run(found("H1"), labels=labelled(("H1", text, 1, "morgan")))
    office.send()
    assert {address for people, _ in server.mails for address in people} == set(ADDRESSES.values()) - {
        "office-2@example.com"
    }
    for _, mail in server.mails:
        page = page_of(mail)
        assert unseen(page) | unseen(str(mail["subject"])) <= {"\n"}
        assert not [markup for markup in ("<script", "<r>", "</details>", 'onmouseover="a') if markup in page]
        assert "49" not in page
        assert set(mail.keys()) == {"Subject", "From", "To", "Date", "Content-Type", "MIME-Version"}
    ((_, digest),) = words(server, "morgan@example.com")
    assert text not in digest
