"""One household by hand, through Airflow: what is sent, what an advisor's work does to it, and who is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.end_to_end.castellans import EMONEY_CLIENT, EMONEY_ITEMS, EMONEY_SPOUSE, PROFILES_CASE
from tests.end_to_end.conftest import WorldMaker
from tests.end_to_end.crm import SECRETS
from tests.end_to_end.world import LOGIN, PASSWORD, Night, World, files

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("terminal")]

ERROR = re.compile(r"\[error *\] (.+?) +\[include\.runtime\.task_boundary\]")


@pytest.fixture(scope="module")
def world(make_world: WorldMaker) -> World:
    return make_world()


@pytest.fixture(scope="module")
def created(world: World) -> Night:
    """The Castellans, who are nowhere yet, from the husband: he stands for the household."""
    return world.by_hand(contact_id=2, vendor="profiles", action="create_client_and_case")


@pytest.fixture(scope="module")
def connected(world: World) -> Night:
    """The same at eMoney, where an unknown client is created without asking."""
    return world.by_hand(household_id="1", vendor="emoney", action="update")


def ended(world: World, run: Night) -> tuple[str, str]:
    """The one outcome of a green run, and its reason."""
    assert run.status == 0, run.output[-6000:]
    [row] = world.rows("SELECT outcome, reason FROM outcome_v WHERE run_id = ?", run.run_id)
    return row["outcome"], row["reason"] or ""


def case(world: World) -> dict[str, Any]:
    [household] = world.vendors["profiles"].state()["households"]
    [only] = household["cases"]
    return only


def client(world: World) -> dict[str, Any]:
    [only] = world.vendors["emoney"].state()["clients"]
    return only


def test_a_household_goes_to_profiles_from_the_husband(world: World, created: Night) -> None:
    assert ended(world, created)[0] == "created"
    assert world.outcomes(created) == {"profiles": {"H1": "created"}}
    assert case(world)["document"] == PROFILES_CASE
    run = world.run_row(created)
    assert (run["dag_id"], run["status"]) == ("household_sync", "success")
    assert (run["requested_by"], run["triggered_by"]) == ("the command line", "the command line")


def test_a_household_goes_to_emoney_without_asking(world: World, connected: Night) -> None:
    assert ended(world, connected)[0] == "created"
    found = client(world)
    assert found["client"] == EMONEY_CLIENT
    assert found["spouse"] == EMONEY_SPOUSE
    seen = {one["sourceKey"]: one for one in found["accounts"]}
    assert {key: {name: seen[key][name] for name in item} for key, item in EMONEY_ITEMS.items()} == EMONEY_ITEMS


@pytest.mark.slow
def test_the_night_finds_nothing_left_to_send(world: World, created: Night, connected: Night) -> None:
    before = {vendor: sandbox.writes() for vendor, sandbox in world.vendors.items()}
    night = world.night(unit_keys=["H1"])
    assert world.outcomes(night) == {"profiles": {"H1": "unchanged"}, "emoney": {"H1": "unchanged"}}
    assert {vendor: sandbox.writes() for vendor, sandbox in world.vendors.items()} == before


def test_a_change_is_written_and_an_advisors_edit_is_kept(world: World, created: Night) -> None:
    edited = case(world)["document"]
    edited["clientA"]["email"] = "typed@example.com"
    _edit(world, edited)
    world.change_crm(
        "UPDATE contact SET job_title = 'Head Keeper' WHERE contact_id = 1",
        "UPDATE contact_email SET address = 'new@example.com' WHERE email_id = 2",
    )
    run = world.by_hand(household_id=1, vendor="profiles")
    assert ended(world, run)[0] == "updated"
    document = case(world)["document"]
    assert (document["clientA"]["jobTitle"], document["clientA"]["email"]) == ("Head Keeper", "typed@example.com")
    decisions = world.rows("SELECT field, decision FROM field_change WHERE run_id = ? ORDER BY field", run.run_id)
    assert [tuple(row.values()) for row in decisions] == [("clientA.email", "kept"), ("clientA.jobTitle", "written")]
    page = (world.report(run) / "worklist.html").read_text()
    assert [words for words in ("H1 at Profiles", "clientA.email", "clientA.jobTitle") if words not in page] == []


@pytest.mark.slow
def test_an_open_case_is_deferred_and_says_who_has_it_since_when(world: World, created: Night) -> None:
    world.change_crm("UPDATE contact SET job_title = 'Last Keeper' WHERE contact_id = 1")
    _call(world, f"/api/cases/{case(world)['caseId']}/open", {"openedBy": "advisor.jo"})
    run = world.by_hand(household_id=1, vendor="profiles", action="update_case")
    outcome, reason = ended(world, run)
    assert outcome == "deferred"
    assert "advisor.jo" in reason
    assert re.search(r"\d{4}-\d\d-\d\d", reason)
    _call(world, f"/api/cases/{case(world)['caseId']}/close", {})
    night = world.night(vendors=["profiles"], unit_keys=["H1"])
    assert world.outcomes(night)["profiles"]["H1"] == "updated"
    assert case(world)["document"]["clientA"]["jobTitle"] == "Last Keeper"


@pytest.mark.slow
def test_opening_a_case_writes_nothing_and_answers_with_its_address(world: World, created: Night) -> None:
    before = world.vendors["profiles"].writes()
    outcome, reason = ended(world, world.by_hand(household_id=1, vendor="profiles", action="open_case"))
    assert outcome == "unchanged"
    assert re.search(rf"http\S+{case(world)['caseId']}", reason)
    assert world.vendors["profiles"].writes() == before


def test_where_somebody_would_have_to_choose_and_nobody_is_there_nothing_is_written(world: World) -> None:
    before = world.vendors["profiles"].writes()
    outcome, reason = ended(world, world.by_hand(contact_id=9, vendor="profiles"))
    assert outcome == "deferred"
    assert "somebody has to choose" in reason
    assert world.vendors["profiles"].writes() == before


@pytest.mark.slow
def test_a_known_client_is_updated_and_accounts_are_linked_where_somebody_asks_for_it(
    world: World, connected: Night
) -> None:
    world.change_crm("UPDATE contact SET first_name = 'Zephyra' WHERE contact_id = 1")
    world.by_hand(household_id=1, vendor="emoney", update="no")
    assert client(world)["client"]["firstName"] == "Zephyrine"
    run = world.by_hand(household_id=1, vendor="emoney", update="yes", links=["account:11"])
    assert ended(world, run)[0] == "updated"
    assert client(world)["client"]["firstName"] == "Zephyra"
    world.change_crm("UPDATE contact SET first_name = 'Zephyrine' WHERE contact_id = 1")
    linked = {one["sourceKey"]: one["classification"] for one in client(world)["accounts"] if one["classification"]}
    assert linked == {"account:11": "Investment Account"}


@pytest.mark.slow
def test_a_dry_run_says_what_would_be_written_and_writes_nothing(world: World, created: Night) -> None:
    world.change_crm("UPDATE contact SET job_title = 'Dry Keeper' WHERE contact_id = 1")
    before = world.vendors["profiles"].writes()
    run = world.by_hand(household_id=1, vendor="profiles", dry_run=True)
    assert ended(world, run)[0] == "updated"
    assert world.vendors["profiles"].writes() == before
    assert "clientA.jobTitle" in (world.report(run) / "worklist.html").read_text()


@pytest.mark.slow
def test_a_household_that_breaks_a_rule_is_held_with_the_way_to_mend_it(world: World) -> None:
    run = world.by_hand(household_id=3, vendor="profiles", action="create_client_and_case")
    outcome, reason = ended(world, run)
    assert outcome == "held"
    assert "DEM-BIRTH-DATE" in reason
    assert "Contact › Personal › Birth Date" in (world.report(run) / "worklist.html").read_text()


# What is asked for -> the words that must be in the one message.
MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown parameter": ({"household_id": 1, "household": 1}, ["household", "household_id"]),
    "an unknown household": ({"household_id": 404}, ["no household 404"]),
    "a user without the license": ({"household_id": 1, "vendor": "emoney", "requested_by": "bob"}, ["bob", "eMoney"]),
}  # fmt: skip


@pytest.mark.parametrize(("conf", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_ends_the_run_in_words(world: World, conf: dict[str, Any], words: list[str]) -> None:
    before = {vendor: sandbox.calls() for vendor, sandbox in world.vendors.items()}
    run = world.by_hand(**{"vendor": "profiles", **conf})
    assert run.status != 0
    assert "Traceback" not in run.output
    [said] = set(ERROR.findall(run.output))
    assert [word for word in words if word not in said] == []
    assert {vendor: sandbox.calls() for vendor, sandbox in world.vendors.items()} == before


def test_the_form_refuses_what_is_no_choice_before_there_is_a_run(world: World) -> None:
    run = world.by_hand(household_id="twelve", vendor="profiles")
    assert run.status != 0
    assert "Invalid input for param household_id" in run.output
    assert "[DAG TEST] starting" not in run.output


def test_no_clients_data_lie_in_logs_xcoms_or_airflows_tables(world: World, created: Night, connected: Night) -> None:
    places: dict[str, str] = {str(path): path.read_text(errors="replace") for path in _logs(world)}
    for table in ("xcom", "task_instance", "rendered_task_instance_fields", "dag_run", "hitl_detail"):
        places[table] = repr(world.airflow_rows(f"SELECT * FROM {table}"))
    assert {(place, secret) for place, text in places.items() for secret in SECRETS if secret in text} == set()
    assert [file for file in files(world.data / "staging") if file.suffix == ".parquet"] == []


def _logs(world: World) -> list[Path]:
    return [*world.folder.glob("night_*.log"), *files(world.airflow_home / "logs")]


def _call(world: World, path: str, body: object, method: str = "POST", **headers: str) -> Any:
    """A call of Profiles' API, as an advisor's browser would make it."""
    base = world.vendors["profiles"].url
    token = requests.post(f"{base}/api/auth/login", json={"username": LOGIN, "password": PASSWORD}, timeout=10).json()
    headers["Authorization"] = f"Bearer {token['token']}"
    answer = requests.request(method, f"{base}{path}", json=body, headers=headers, timeout=10)
    assert answer.ok, answer.text
    return json.loads(answer.text)


def _edit(world: World, document: dict[str, Any]) -> None:
    now = case(world)
    _call(world, f"/api/cases/{now['caseId']}", {"document": document}, "PUT", **{"If-Match": f'"{now["version"]}"'})
