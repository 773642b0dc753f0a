"""LIC-*: in whose name a unit runs, and which name is missing."""

import pytest

from tests.builders import RIGHTS, SERVICE_USER, Office
from tests.transform.reading import batch_of

POLICY_RIGHTS = ("Policy Tracking", "Pending Case & Policy Setup Administrator")
LICENSE = {"profiles": ("Profiles Professional - Web", "LIC-PROFILES"), "emoney": ("eMoney", "LIC-EMONEY")}


def runner(office: Office, vendor: str, **changes: str) -> tuple:
    users = batch_of(office, vendor, **changes).users
    row = users[["user_name", "missing", "missing_rule"]].astype(object)
    return tuple(row.where(row.notna(), None).iloc[0])


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_unit_runs_in_the_name_of_the_user_it_is_assigned_to(vendor):
    office = Office()
    office.single(assigned_user_id=office.user("advisor"))
    assert runner(office, vendor) == ("advisor", None, None)


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_unit_of_nobody_runs_in_the_name_of_the_service_user(vendor):
    office = Office()
    office.single()
    assert runner(office, vendor) == (SERVICE_USER, None, None)
    office.user("night")
    assert runner(office, vendor, service_user="night") == ("night", None, None)


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_user_without_the_license_gets_its_name(vendor):
    name, rule = LICENSE[vendor]
    office = Office()
    user_id = office.user("plain", rights=tuple(right for right in RIGHTS if right != name))
    office.single(assigned_user_id=user_id)
    assert runner(office, vendor) == ("plain", name, rule)


@pytest.mark.parametrize("status", ["Disabled", "Temporary Password"])
def test_a_user_who_is_not_enabled_may_not_run(status):
    office = Office()
    office.single(assigned_user_id=office.user("away", status=status))
    assert runner(office, "profiles") == ("away", "Enabled", "LIC-ENABLED")


def test_several_missing_names_are_listed():
    office = Office()
    office.single(assigned_user_id=office.user("away", rights=(), status="Disabled"))
    assert runner(office, "emoney") == ("away", "Enabled, eMoney", "LIC-ENABLED")


def test_a_service_user_whom_the_crm_does_not_know_may_not_run():
    office = Office()
    office.single()
    assert runner(office, "profiles", service_user="ghost") == ("ghost", "user account", "LIC-ENABLED")


@pytest.mark.parametrize(
    ("without", "withheld"),
    [
        ((), []),
        (("Investment Tracking",), [("account", "LIC-EMONEY-INVESTMENTS", "Investment Tracking")]),
        (("Policy Tracking",), [("policy", "LIC-EMONEY-POLICIES", "Policy Tracking")]),
        (POLICY_RIGHTS, [("policy", "LIC-EMONEY-POLICIES", ", ".join(POLICY_RIGHTS))]),
    ],
)
def test_what_only_a_license_keeps_back_is_listed_with_the_names_that_are_missing(without, withheld):
    office = Office()
    user_id = office.user("plain", rights=tuple(right for right in RIGHTS if right not in without))
    client = office.single(assigned_user_id=user_id)
    office.account(client)
    office.policy(client)
    office.policy(client, status="Lapsed")
    listed = batch_of(office, "emoney").withheld
    entities = [key.partition(":")[0] for key in listed["source_key"]]
    assert list(zip(entities, listed["rule_id"], listed["lacking"], strict=True)) == withheld
