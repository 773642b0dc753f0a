"""The first night over a new CRM: who goes, who is held and why, and what lies where afterwards."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.end_to_end.castellans import EMONEY_CLIENT, EMONEY_ITEMS, EMONEY_SPOUSE, PROFILES_CASE
from tests.end_to_end.crm import SECRETS, UNITS
from tests.end_to_end.world import AS_OF, Night, World, files

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("terminal")]

# The views of the contract with their columns, word for word.
VIEWS = {
    "run_v": "run_id dag_id as_of requested_by dry_run status started_at finished_at triggered_by",
    "outcome_v": "run_id vendor unit_key outcome reason vendor_id",
    "finding_v": "run_id vendor unit_key rule_id severity entity entity_id field message remedy status",
    "link_v": "vendor unit_key vendor_client_id vendor_case_id linked_at matched_by",
    "transfer_v": "transfer_id entity entity_id decision rule_id target_id",
}


def test_held_and_skipped_units_are_no_failure(world: World, night: Night) -> None:
    assert night.status == 0, night.output[-4000:]
    run = world.run_row(night)
    assert (run["dag_id"], run["as_of"], run["dry_run"], run["status"]) == ("weeknight_refresh", AS_OF, 0, "success")
    assert run["started_at"] <= run["finished_at"]


@pytest.mark.parametrize(("view", "columns"), VIEWS.items())
def test_the_ledger_has_its_views_with_exactly_their_columns(
    world: World, night: Night, view: str, columns: str
) -> None:
    assert [row["name"] for row in world.rows(f"SELECT name FROM pragma_table_info('{view}')")] == columns.split()


def test_every_unit_has_one_outcome_at_each_vendor(world: World, night: Night) -> None:
    held = {"H3": "held", "H8": "held"}
    assert world.outcomes(night) == {
        "profiles": dict.fromkeys(UNITS, "created") | held | {"H5": "held"},
        "emoney": dict.fromkeys(UNITS, "created") | held | {"H7": "skipped"},
    }


def test_a_unit_that_does_not_go_says_why(world: World, night: Night) -> None:
    found = world.rows("SELECT vendor, unit_key, reason FROM outcome_v WHERE reason IS NOT NULL ORDER BY 1, 2")
    assert [tuple(row.values()) for row in found] == [
        ("emoney", "H3", "DEM-BIRTH-DATE"),
        ("emoney", "H7", "LIC-EMONEY: bob lacks eMoney"),
        ("emoney", "H8", "ACC-MONEY"),
        ("profiles", "H3", "DEM-BIRTH-DATE"),
        ("profiles", "H5", "HH-SPOUSE-ROLE-MISSING"),
        ("profiles", "H8", "ACC-MONEY"),
    ]


def test_what_holds_a_household_names_the_record_the_field_and_the_remedy(world: World, night: Night) -> None:
    critical = world.rows(
        "SELECT * FROM finding_v WHERE severity = 'critical' AND vendor = 'profiles' ORDER BY unit_key"
    )
    assert [(row["unit_key"], row["rule_id"], row["entity"], row["entity_id"], row["field"]) for row in critical] == [
        ("H3", "DEM-BIRTH-DATE", "contact", "5", "Birth Date"),
        ("H5", "HH-SPOUSE-ROLE-MISSING", "household", "5", "Role"),
        ("H8", "ACC-MONEY", "account", "13", "Account Value"),
    ]
    assert all("›" in row["remedy"] and row["message"] and row["status"] == "new" for row in critical)


def test_lesser_findings_hold_nobody(world: World, night: Night) -> None:
    lesser = world.rows(
        "SELECT vendor, unit_key, rule_id, severity FROM finding_v "
        "WHERE severity <> 'critical' AND rule_id <> 'DEM-SPARSE' ORDER BY 1, 2, 3"
    )
    new = [("emoney", "H1", "EMY-NEW", "info")] * 5
    assert [tuple(row.values()) for row in lesser] == [
        *new,
        ("emoney", "H1", "POL-STATUS", "info"),
        ("emoney", "H5", "HH-ROLE-RELATION", "warning"),
        ("profiles", "H1", "ACC-SCOPE-PROFILES", "info"),
        ("profiles", "H1", "POL-BENEFICIARY", "info"),
        ("profiles", "H1", "POL-STATUS", "info"),
        ("profiles", "H5", "HH-ROLE-RELATION", "warning"),
    ]


def test_each_sparse_person_is_reported_once_at_each_vendor_of_the_check(world: World, night: Night) -> None:
    sparse = world.rows("SELECT vendor, entity_id, field FROM finding_v WHERE rule_id = 'DEM-SPARSE' ORDER BY 1, 2")
    told = {
        vendor: {row["entity_id"] for row in sparse if row["vendor"] == vendor} for vendor in ("profiles", "emoney")
    }
    assert told == {
        "profiles": {"2", "4", "5", "6", "8", "9", "10"},
        "emoney": {"2", "4", "5", "6", "7", "8", "9", "10"},
    }
    assert len(sparse) == 15
    assert {row["field"] for row in sparse if row["entity_id"] == "2"} == {"Address, Employer"}


def test_each_client_at_a_vendor_is_linked_to_its_unit(world: World, night: Night) -> None:
    links = world.rows("SELECT * FROM link_v")
    cases = {
        household["externalSourceId"].replace("household:", "H").replace("contact:", "C"): (
            household["householdId"],
            household["cases"][0]["caseId"],
        )
        for household in world.vendors["profiles"].state()["households"]
    }
    assert set(cases) == {"C9", "H1", "H2", "H7"}
    linked = {
        row["unit_key"]: (row["vendor_client_id"], row["vendor_case_id"]) for row in links if row["vendor_case_id"]
    }
    assert linked == cases
    assert {row["unit_key"] for row in links if row["vendor"] == "emoney"} == {"C9", "H1", "H2", "H5"}


def test_profiles_has_the_case_field_by_field(world: World, night: Night) -> None:
    households = world.vendors["profiles"].state()["households"]
    [castellans] = [one for one in households if one["externalSourceId"] == "household:1"]
    [case] = castellans["cases"]
    assert case["name"] == "Castellan Family"
    assert case["document"] == PROFILES_CASE


def zephyrine(world: World) -> dict[str, Any]:
    clients = world.vendors["emoney"].state()["clients"]
    [found] = [one for one in clients if one["client"]["externalId"] == "contact:1"]
    return found


def test_emoney_has_the_client_and_the_spouse_field_by_field(world: World, night: Night) -> None:
    castellan = zephyrine(world)
    assert castellan["client"] == EMONEY_CLIENT
    assert castellan["spouse"] == EMONEY_SPOUSE
    assert [connection["status"] for connection in castellan["connections"]] == ["active"]


def test_emoney_has_the_accounts_and_policies_waiting_to_be_linked(world: World, night: Night) -> None:
    items = {item["sourceKey"]: item for item in zephyrine(world)["accounts"]}
    assert {
        key: {name: items[key].get(name) for name in fields} for key, fields in EMONEY_ITEMS.items()
    } == EMONEY_ITEMS
    assert set(items) == set(EMONEY_ITEMS)
    assert {item["state"] for item in items.values()} == {"available"}


def test_the_report_lies_in_the_data_folder_for_its_owner_only(world: World, night: Night) -> None:
    report = world.report(night)
    names = {"worklist.html", "worklist.csv", "worklist.xlsx", "run.json", "data_docs/index.html"}
    assert names <= {file.relative_to(report).as_posix() for file in files(report)}
    private = [*files(report), world.data / "ledger.db"]
    assert {oct(file.stat().st_mode & 0o777) for file in private} == {"0o600"}
    summary = json.loads((report / "run.json").read_text())
    assert summary["run"]["run_id"] == night.run_id
    assert all(book["balanced"] for book in summary["books"].values())
    assert "Nightingale" in (report / "worklist.html").read_text()


def test_no_client_shows_outside_the_worklist(world: World, night: Night) -> None:
    report = world.report(night)
    seen = [report / "run.json", *files(report / "data_docs"), *files(world.airflow_home / "logs")]
    texts = {str(file): file.read_bytes().decode(errors="replace") for file in seen} | {"the terminal": night.output}
    texts["XComs"] = repr(world.airflow_rows("SELECT * FROM xcom"))
    texts["task instances"] = repr(world.airflow_rows("SELECT * FROM task_instance"))
    texts["rendered fields"] = repr(world.airflow_rows("SELECT * FROM rendered_task_instance_fields"))
    assert {(place, secret) for place, text in texts.items() for secret in SECRETS if secret in text} == set()


def test_xcoms_hold_ids_counts_and_paths(world: World, night: Night) -> None:
    values = [json.loads(str(value)) for [value] in world.airflow_rows("SELECT value FROM xcom")]
    assert len(values) > 6
    page = r"http://127\.0\.0\.1:\d+/desk/runs/[^/]+"
    path = re.compile(rf"{re.escape(str(world.data))}/reports/[^/]+/worklist\.html|{page}")
    words = {"success", "created", "held", "skipped", "profiles", "emoney", "status", "report", "units", "shard"}
    leaves = set(_leaves(values))
    assert {
        leaf for leaf in leaves if not isinstance(leaf, int) and leaf not in words and not path.fullmatch(leaf)
    } == set()


def _leaves(value: object) -> list[int | str]:
    if isinstance(value, dict):
        return [leaf for pair in value.items() for one in pair for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    assert isinstance(value, int | str), value
    return [value]


def test_no_secret_shows_anywhere_outside_its_connection(world: World, night: Night) -> None:
    seen = [*files(world.airflow_home / "logs"), *files(world.data)]
    texts = {str(file): file.read_bytes() for file in seen} | {"the terminal": night.output.encode()}
    secrets = (b"p@ss/word", b"p%40ss%2Fword", b"k:ey", b"PRIVATE KEY")
    assert {(place, secret) for place, text in texts.items() for secret in secrets if secret in text} == set()


def test_staged_client_data_are_gone_when_the_run_has_succeeded(world: World, night: Night) -> None:
    assert files(world.data / "staging") == []


def test_mapped_tasks_are_named_by_their_shard(world: World, night: Night) -> None:
    names = world.airflow_rows(
        "SELECT task_id, rendered_map_index FROM task_instance WHERE map_index >= 0 ORDER BY 1, 2"
    )
    assert names == [
        ("load_emoney", "shard 1"),
        ("load_profiles", "shard 1"),
        ("transform_shard", "shard 1"),
        ("validate_documents", "emoney"),
        ("validate_documents", "profiles"),
    ]
