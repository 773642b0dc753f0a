"""The clients of the demo who move to another office: the set shows every rule of a transfer."""

import pytest
from sqlalchemy import text

from etl.extract import transfer as extract
from etl.extract.source import Snapshot
from etl.transform.transfers import Selection, TransferPlan, plan
from include.demo.office import MOVING_SET, OFFICES, RECEIVING_OFFICE, RETIRING_USER
from tests.demo.conftest import DemoOffice

SOURCE, TARGET = 1, RECEIVING_OFFICE + 1


@pytest.fixture(scope="module")
def planned(office: DemoOffice) -> TransferPlan:
    """The manifest of the moving set of the main office, on its way to the branch."""
    find = text("SELECT set_id FROM contact_set WHERE office_id = :office AND name = :name")
    with office.engine.connect() as connection:
        set_id = connection.execute(find, {"office": SOURCE, "name": MOVING_SET}).scalar_one()
    with Snapshot(office.url) as snapshot:
        rows = extract.read_rows(snapshot, extract.read_set(snapshot, set_id, SOURCE))
        around, target = extract.read_surroundings(snapshot, rows), extract.read_target(snapshot, TARGET)
    return plan(Selection(SOURCE, TARGET), rows, around, target)


def test_the_clients_of_the_retiring_user_are_in_the_set(office: DemoOffice, planned: TransferPlan) -> None:
    rows = office.crm.rows
    user = next(row["user_id"] for row in rows["crm_user"] if row["user_name"] == f"main.{RETIRING_USER}")
    moving = planned.groups["contact_id"]
    served = {row["contact_id"] for row in rows["contact"] if row["assigned_user_id"] == user}
    assert len(set(moving) & served) > 60
    assert {office.crm.contacts[each]["office_id"] for each in moving} == {SOURCE}


def test_both_offices_have_users_with_the_rights_of_a_transfer(office: DemoOffice) -> None:
    rows = office.crm.rows
    rights = {(row["user_id"], row["right_name"]) for row in rows["user_right"]}
    users = {row["user_name"]: row["user_id"] for row in rows["crm_user"] if row["status"] == "Enabled"}
    sender, receiver = users[f"{OFFICES[0][1]}.morgan"], users[f"{OFFICES[RECEIVING_OFFICE][1]}.morgan"]
    assert (sender, "Data Export") in rights
    assert (sender, "Export contacts to another office - Button") in rights
    assert (receiver, "Data Import") in rights


@pytest.mark.parametrize(
    "rule_id",
    ["XFR-NOTES", "XFR-RELATIONS", "XFR-CENSUS", "XFR-POLICY-LISTS", "XFR-CASE-LISTS", "XFR-ACCOUNT-LISTS",
     "XFR-PARTIES", "XFR-HOUSEHOLD"],
)  # fmt: skip
def test_the_set_shows_what_moves_and_what_stays_by_each_rule(planned: TransferPlan, rule_id: str) -> None:
    decisions = planned.manifest.loc[planned.manifest["rule_id"] == rule_id, "decision"]
    assert set(decisions) in ({"move", "stay"}, {"recreate", "stay"})


def test_everything_that_never_moves_is_in_the_manifest(planned: TransferPlan) -> None:
    stays = planned.manifest[planned.manifest["rule_id"].isin(["XFR-NOT-MOVED", "XFR-COMMISSION"])]
    assert {
        "contact_set_member", "lead", "referred_contact", "event_invitation", "presale_activity", "custom_field_value",
        "asset_allocation", "account_performance", "commission", "pending_case",
    } <= set(stays["entity"])  # fmt: skip
    assert set(stays["decision"]) == {"stay"}
    assert set(planned.fields["rule_id"]) >= {"XFR-ADVISOR", "XFR-PARTIES"}
    assert planned.closure["is_direct"].any()
    assert planned.households["is_rebuilt"].any()
    assert planned.households["loses_its_head"].any()
