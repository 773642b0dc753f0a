"""ACC-*: scope, category, type of funds, positions, twins."""

import pytest

from tests.builders import RIGHTS, Office, person
from tests.transform.reading import batch_of, case, client_file, fact, left_out


def asset(office: Office, unit_key: str) -> dict:
    (only,) = case(office, unit_key)["assets"]
    return only


@pytest.mark.parametrize(
    ("account_type", "how_held", "is_qualified", "category", "source"),
    [
        ("Roth IRA", None, False, "Roth IRA", "account_type"),
        (" 401(K) ", "Bank", False, "401(k)", "account_type"),
        (None, "retirement plan", False, "Other Retirement Account", "how_held"),
        ("Custom", "Bank", True, "Bank Account", "how_held"),
        ("Roth IRA", "VARIABLE annuity\u00a0", False, "Variable Annuity", "how_held"),
        (None, None, False, "Investment Account", "missing"),
        (" ", None, True, "Other Retirement Account", "missing"),
        ("Custom", None, False, "Investment Account", "unknown"),
        (None, "Custom", True, "Other Retirement Account", "unknown"),
    ],
)
def test_the_category_is_by_account_type_then_by_how_held(account_type, how_held, is_qualified, category, source):
    office = Office()
    client = office.single()
    account = office.account(client, account_type=account_type, how_held=how_held, is_qualified=is_qualified)
    assert asset(office, f"C{client}")["accountType"] == category
    facts = fact(batch_of(office, "profiles"), "accounts", account)
    assert (facts["category"], facts["category_source"]) == (category, source)
    assert facts["is_variable_annuity"] is (category == "Variable Annuity")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "Non-Qualified"),
        ({"is_qualified": True}, "Qualified"),
        ({"is_discretionary": True, "is_held_away": True}, "Held Away, Discretionary"),
        ({"is_discretionary": True, "is_held_away": True, "is_qualified": True}, "Qualified, Held Away, Discretionary"),
    ],
)
def test_type_of_funds_lists_the_selected_options(options, expected):
    office = Office()
    client = office.single()
    office.account(client, **options)
    assert asset(office, f"C{client}")["typeOfFund"] == expected
    assert client_file(office, f"C{client}")["items"][0]["typeOfFunds"] == expected


def test_loan_balance_is_the_cash_balance_with_its_sign_at_both_vendors():
    office = Office()
    client = office.single()
    office.account(client, loan_balance="-12.34", net_value="1012.34")
    assert float(asset(office, f"C{client}")["cashBalance"]) == -12.34
    item = client_file(office, f"C{client}")["items"][0]
    assert (float(item["cashBalance"]), float(item["totalValue"])) == (-12.34, 1012.34)


def test_only_accounts_of_client_and_spouse_go():
    office = Office()
    home = office.couple(son=person())
    accounts = [office.account(contact_id) for contact_id in home.members]
    assets = case(office, home.unit_key)["assets"]
    assert [each["owner"] for each in assets] == ["clientA", "clientB"]
    assert left_out(batch_of(office, "profiles")) == {("account", accounts[2], "ACC-SCOPE-PROFILES")}
    assert [each["owner"] for each in client_file(office, home.unit_key)["items"]] == ["client", "spouse"]


def test_positions_go_as_holdings_of_their_account():
    office = Office()
    client = office.single()
    account = office.account(client, how_held="Variable Annuity")
    office.account(client)
    office.position(account, position_id=8, product_name=" Growth ", symbol=None, market_value="1.05")
    office.position(account, position_id=2)
    assets = case(office, f"C{client}")["assets"]
    assert [each["externalSourceId"] for each in assets[0]["holdings"]] == ["position:2", "position:8"]
    growth = assets[0]["holdings"][1]
    assert (growth["holdingName"], growth["ticker"], float(growth["holdingsValue"])) == ("Growth", None, 1.05)
    assert assets[1]["holdings"] == []
    assert fact(batch_of(office, "profiles"), "accounts", account)["position_count"] == 2


@pytest.mark.parametrize(
    ("account_number", "policy_number", "is_twin"),
    [
        ("ab-12 3", "AB 123", True),
        ("AB123", "AB1234", False),
        ("--", "..", False),
        (None, None, False),
        ("Ünder_1", "üNDER1", True),
    ],
)
def test_one_contract_twice_is_found_by_its_number(account_number, policy_number, is_twin):
    office = Office()
    client = office.single()
    account = office.account(client, account_number=account_number)
    policy = office.policy(client, policy_number=policy_number)
    for vendor in ("profiles", "emoney"):
        assert fact(batch_of(office, vendor), "accounts", account)["twin_policy_id"] == (policy if is_twin else None)


def test_of_two_policies_with_the_number_of_an_account_the_lower_key_is_its_twin():
    office = Office()
    client = office.single()
    account = office.account(client, account_number="A1")
    first, second = office.policy(client, policy_number="A-1"), office.policy(client, policy_number="a1")
    assert fact(batch_of(office, "emoney"), "accounts", account)["twin_policy_id"] == min(first, second)


def test_a_twin_has_the_same_primary_contact_and_goes_itself():
    office = Office()
    home = office.couple()
    account = office.account(home.members[0], account_number="A1")
    office.policy(home.members[1], policy_number="A1")
    office.policy(home.members[0], policy_number="A1", status="Lapsed")
    assert fact(batch_of(office, "profiles"), "accounts", account)["twin_policy_id"] is None


def test_an_annuity_policy_of_any_plan_type_is_a_fixed_annuity():
    office = Office()
    client = office.single()
    policy = office.policy(
        client, insurance_type=" annuity", plan_type="VA", gross_cash_value="75.50", policy_number=None
    )
    assert {key: value for key, value in asset(office, f"C{client}").items() if key != "holdingsValue"} == {
        "externalSourceId": f"policy:{policy}", "accountName": "Harbor Life Term 20", "accountType": "Fixed Annuity",
        "cashBalance": None, "typeOfFund": None, "owner": "clientA", "holdings": [],
    }  # fmt: skip
    assert float(asset(office, f"C{client}")["holdingsValue"]) == 75.5
    facts = fact(batch_of(office, "profiles"), "policies", policy)
    assert (facts["kind"], facts["plan_type"]) == ("annuity", "VA")


def test_without_investment_tracking_no_account_reaches_emoney():
    office = Office()
    user_id = office.user("plain", rights=tuple(right for right in RIGHTS if right != "Investment Tracking"))
    client = office.single(assigned_user_id=user_id)
    office.account(client)
    policy = office.policy(client)
    result = batch_of(office, "emoney")
    assert [item["sourceKey"] for item in client_file(office, f"C{client}")["items"]] == [f"policy:{policy}"]
    assert set(result.receipts["rule_id"]) == {"LIC-EMONEY-INVESTMENTS"}
    assert len(case(office, f"C{client}")["assets"]) == 1


def test_items_are_listed_with_their_category():
    office = Office()
    home = office.couple()
    office.account(home.head, account_type="Roth IRA")
    office.policy(home.members[1], insurance_type="LTC")
    items = batch_of(office, "emoney").items
    assert items.to_dict("records") == [
        {"unit_key": home.unit_key, "source_key": "account:1", "category": "Roth IRA", "owner": "client"},
        {"unit_key": home.unit_key, "source_key": "policy:1", "category": "LTC", "owner": "spouse"},
    ]
