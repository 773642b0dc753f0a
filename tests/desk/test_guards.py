"""Guards on the desk: the causes of what was stopped, and its release by a named person with a reason."""

from __future__ import annotations

from datetime import date

import pytest

from etl.load.ledger import guards, runs
from etl.load.ledger.guards import Stopped
from tests.desk.office import Office, Visitor
from tests.load.ledger.desk.desks import rows_of

PART = {
    "guard": "changed_alike", "vendor": "profiles", "words": "412 households change alike (41 %, allowed 30 %)",
    "affected": 412, "of": 1000, "table": "contact", "field": "clientA.addressInfo.state", "pattern": "Calif → CA",
}  # fmt: skip


@pytest.fixture
def stopped(office: Office) -> Office:
    runs.start_run(
        office.ledger, "night-1", "weeknight_refresh", date(2026, 11, 20), None, False,
        {"full": True, "vendors": ["profiles"]},
    )  # fmt: skip
    guards.save_stop(
        office.ledger,
        Stopped("profiles", "night-1", date(2026, 11, 20), (PART["words"],), "hash", {"H1": "a"}, (PART,)),
    )
    return office


@pytest.fixture
def admin(stopped: Office) -> Visitor:
    return stopped.visitor("admin", is_admin=True)


def test_causes_stand_by_field_and_pattern(admin: Visitor) -> None:
    page = admin.read("/guards").words
    assert "Guards: 1 vendor waits" in page
    assert "412 × clientA.addressInfo.state Calif → CA" in page


def test_release_starts_the_same_run_in_the_persons_name_and_is_audited(stopped: Office, admin: Visitor) -> None:
    answer = admin.send("/guards/release", reason=" checked with Ann ", stopped="night-1")
    assert answer.status_code == 303, answer.text
    (((dag_id, _), run),) = stopped.airflow.runs.items()
    assert (dag_id, run["by"]) == ("weeknight_refresh", "admin")
    assert run["conf"] == {"full": True, "vendors": ["profiles"], "release_guard": "checked with Ann"}
    (entry,) = rows_of(stopped.ledger, "SELECT actor, action, subject, reason FROM audit_entry")
    assert tuple(entry.values()) == ("admin", "guard released", "run:night-1", "checked with Ann")


@pytest.mark.parametrize(
    ("given", "status"), [({"reason": " "}, 422), ({"stopped": "night-0"}, 409), ({"stopped": ""}, 409)]
)
def test_release_without_a_reason_or_of_another_stop_starts_nothing(
    stopped: Office, admin: Visitor, given: dict[str, str], status: int
) -> None:
    answer = admin.send("/guards/release", **{"reason": "checked", "stopped": "night-1", **given})
    assert (answer.status_code, stopped.airflow.runs) == (status, {})
    assert rows_of(stopped.ledger, "SELECT * FROM audit_entry") == []


def test_who_may_not_decide_sees_the_causes_and_releases_nothing(stopped: Office) -> None:
    morgan = stopped.visitor("main.morgan")
    assert "Only a person with the right to decide" in morgan.read("/guards").words
    assert morgan.send("/guards/release", reason="x", stopped="night-1").status_code == 403
    assert stopped.airflow.runs == {}


def test_nothing_waits_where_no_guard_has_stopped_a_run(office: Office) -> None:
    admin = office.visitor("admin", is_admin=True)
    assert "No guard has stopped a run that waits." in admin.read("/guards").words
    assert admin.send("/guards/release", reason="x").status_code == 422
