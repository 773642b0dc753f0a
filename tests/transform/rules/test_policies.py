"""POL-*: which policies go, under which name, with which figures and parties."""

import pytest

from tests.builders import RIGHTS, Office, person
from tests.transform.reading import batch_of, case, client_file, fact, left_out


def policy_of(office: Office, client: int) -> dict:
    (only,) = case(office, f"C{client}")["insurancePolicies"]
    return only


def item_of(office: Office, client: int) -> dict:
    (only,) = client_file(office, f"C{client}")["items"]
    return only


@pytest.mark.parametrize("status", ["Inforce", " INFORCE, but not administered "])
def test_policies_in_force_go(office, client, status):
    office.policy(client, status=status)
    assert policy_of(office, client)["kind"] == "life"


@pytest.mark.parametrize("status", ["Lapsed", "In force", " ", None])
def test_other_policies_are_left_out_and_counted(office, client, status):
    policy = office.policy(client, status=status)
    for vendor in ("profiles", "emoney"):
        result = batch_of(office, vendor)
        assert left_out(result) == {("policy", policy, "POL-STATUS")}
        assert len(result.facts["policies"]) == 0


@pytest.mark.parametrize(
    ("insurance_type", "kind"), [("Life", "life"), ("DISABILITY", "disability"), (" ltc ", "longTermCare")]
)
def test_insurance_types_become_kinds(office, client, insurance_type, kind):
    office.policy(client, insurance_type=insurance_type)
    assert policy_of(office, client)["kind"] == kind


def test_other_insurance_types_do_not_go(office, client):
    policy = office.policy(client, insurance_type="Umbrella")
    for vendor in ("profiles", "emoney"):
        assert left_out(batch_of(office, vendor)) == {("policy", policy, "POL-TYPE")}


@pytest.mark.parametrize(
    ("carrier", "plan", "expected"),
    [(" Harbor ", " Term 20", "Harbor Term 20"), (None, "Term 20", None), ("Harbor", " ", None)],
)
def test_a_policy_is_named_by_carrier_and_plan(office, client, carrier, plan, expected):
    policy = office.policy(client, carrier_name=carrier, plan_name=plan)
    assert policy_of(office, client)["insurancePolicy"] == expected
    assert item_of(office, client)["policyName"] == expected
    assert fact(batch_of(office, "profiles"), "policies", policy)["policy_name"] == expected


def test_a_policy_without_a_product_stays_in_the_facts_so_that_it_holds_its_household(office, client):
    policy = office.policy(
        client, product_id=None, insurance_type=None, plan_name=None, carrier_name=None, plan_type=None
    )
    for vendor in ("profiles", "emoney"):
        facts = fact(batch_of(office, vendor), "policies", policy)
        assert (facts["kind"], facts["policy_name"]) == (None, None)
    assert case(office, f"C{client}")["insurancePolicies"] == []


@pytest.mark.parametrize(("annual", "annualized", "expected"), [(5, 7, 5), (0, 7, 0), (None, 7, 7), (None, None, None)])
def test_premium_falls_back_to_annualized_when_annual_is_empty(office, client, annual, annualized, expected):
    office.policy(client, annual_premium=annual, annualized_premium=annualized)
    assert policy_of(office, client)["annualPremium"] == expected


def test_death_benefits_are_never_exchanged(office, client):
    office.policy(client, basic_face_amount=1, total_death_benefit=None)
    assert policy_of(office, client)["deathBenefit"] == 1
    assert item_of(office, client)["currentDeathBenefits"] is None


@pytest.mark.parametrize(
    ("text", "expected", "is_readable"),
    [
        ("90 Days", {"count": 90, "unit": "Days"}, True),
        (" 1 month ", {"count": 1, "unit": "Months"}, True),
        ("2WEEKS", {"count": 2, "unit": "Weeks"}, True),
        ("1\u00a0Year", {"count": 1, "unit": "Years"}, True),
        (" ", None, True),
        (None, None, True),
        ("ninety days", None, False),
        ("90", None, False),
        ("90 days or so", None, False),
        ("9" * 30 + " days", None, False),
    ],
)
def test_an_elimination_period_is_a_count_and_a_unit(office, client, text, expected, is_readable):
    policy = office.policy(client, insurance_type="LTC", elimination_period=text)
    assert policy_of(office, client)["eliminationPeriod"] == expected
    assert fact(batch_of(office, "profiles"), "policies", policy)["elimination_is_readable"] is is_readable


def test_life_has_no_elimination_period(office, client):
    policy = office.policy(client, elimination_period="90 Days")
    assert policy_of(office, client)["eliminationPeriod"] is None
    assert fact(batch_of(office, "profiles"), "policies", policy)["elimination_is_readable"] is True


@pytest.mark.parametrize(("insured", "expected"), [(None, "clientB"), (0, "clientA"), (1, "clientB")])
def test_the_insured_is_recorded_or_the_primary_contact(office, insured, expected):
    home = office.couple()
    office.policy(home.members[1], primary_insured_id=None if insured is None else home.members[insured])
    (policy,) = case(office, home.unit_key)["insurancePolicies"]
    assert (policy["insured"], policy["owner"]) == (expected, "clientB")


def test_a_policy_on_somebody_else_does_not_go_to_profiles(office):
    home = office.couple(son=person())
    policy = office.policy(home.head, primary_insured_id=home.members[2])
    assert left_out(batch_of(office, "profiles")) == {("policy", policy, "POL-INSURED-OTHER")}
    (item,) = client_file(office, home.unit_key)["items"]
    assert item["owner"] == "other"


def test_an_annuity_on_somebody_else_goes_as_an_asset(office):
    home = office.couple(son=person())
    office.policy(home.head, insurance_type="Annuity", primary_insured_id=home.members[2])
    assert len(case(office, home.unit_key)["assets"]) == 1


def test_beneficiaries_are_people_of_the_document_in_order(office):
    home = office.couple(son=person(), uncle=person(), daughter=person(birth_date=None))
    policy = office.policy(home.head)
    for contact_id in reversed(home.members):
        office.beneficiary(policy, contact_id)
    _, _, son, uncle, daughter = home.members
    (sent,) = case(office, home.unit_key)["insurancePolicies"]
    assert sent["beneficiaries"] == ["clientA", "clientB", f"dependent:contact:{son}"]
    others = batch_of(office, "profiles").facts["left_out"].query("rule_id == 'POL-BENEFICIARY'")
    assert others["entity_id"].tolist() == [policy, policy]
    assert others["field"].tolist() == [f"beneficiary contact:{uncle}", f"beneficiary contact:{daughter}"]


@pytest.mark.parametrize(
    ("owner", "insured", "expected"),
    [(0, 1, "client"), (1, None, "spouse"), (None, 1, "spouse"), (2, 0, "other"), (None, None, "client")],
)
def test_emoneys_owner_is_recorded_else_the_insured_else_the_primary_contact(office, owner, insured, expected):
    home = office.couple(son=person())
    who = [*home.members]
    office.policy(
        home.head,
        owner_contact_id=None if owner is None else who[owner],
        primary_insured_id=None if insured is None else who[insured],
    )
    (item,) = client_file(office, home.unit_key)["items"]
    assert item["owner"] == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(" AB-12345 ", "***2345"), ("12345", "***2345"), ("1234", "***"), ("1", "***"), (" ", None), (None, None)],
)
def test_emoney_gets_four_characters_of_a_policy_number_and_never_all(office, client, number, expected):
    office.policy(client, policy_number=number)
    assert item_of(office, client)["policyNumber"] == expected


def test_no_full_policy_number_is_in_a_document_of_emoney(office, client):
    office.policy(client, policy_number="SECRET-98765")
    result = batch_of(office, "emoney")
    assert "SECRET" not in result.documents["document"].iloc[0].decode()
    assert all("98765" not in frame.to_csv() for frame in (*result.facts.values(), result.receipts, result.items))


@pytest.mark.parametrize("missing", ["Policy Tracking", "Pending Case & Policy Setup Administrator"])
def test_without_its_licenses_no_policy_reaches_emoney(missing):
    office = Office()
    user_id = office.user("plain", rights=tuple(right for right in RIGHTS if right != missing))
    client = office.single(assigned_user_id=user_id)
    account = office.account(client)
    office.policy(client)
    assert item_of(office, client)["sourceKey"] == f"account:{account}"
    assert set(batch_of(office, "emoney").receipts["rule_id"]) == {"LIC-EMONEY-POLICIES"}
    assert policy_of(office, client)["kind"] == "life"
