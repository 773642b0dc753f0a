"""The pages: what they show, what their forms change, whom they refuse."""

import re
from html import unescape

import pytest

from tests.sandbox.running import Caller, EmoneyCaller, household, investment, line, person, policy

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def case(profiles: Caller) -> str:
    """The path of a case's page."""
    assets = [{"externalSourceId": "account:5", "accountName": "Brokerage", "holdingsValue": 1234.5, "mood": SCRIPT,
               "holdings": [{"ticker": "VTI", "holdingName": "Market"}]}]  # fmt: skip
    created = profiles(
        "POST", "/api/households", json=household(name=f"Lee {SCRIPT}", assets=assets, riskProfile="low")
    )
    return f"/cases/{created.json()['caseId']}"


def document(profiles: Caller, case: str) -> dict:
    return profiles("GET", f"/api{case}").json()["document"]


def version(profiles: Caller, case: str) -> str:
    return str(profiles("GET", f"/api{case}").json()["version"])


def person_form(**fields: str) -> dict[str, str]:
    return {"firstName": "Ann", "lastName": "Lee", "birthDate": "1970-01-02", **fields}


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_root_leads_to_the_list(request: pytest.FixtureRequest, vendor: str) -> None:
    caller: Caller = request.getfixturevalue(vendor)
    response = caller("GET", "/")
    assert response.status_code == 303
    page = caller("GET", response.headers["Location"])
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "script" not in page.text
    sheet = re.search(r'href="(/static/[^"]+\.css)"', page.text)
    assert sheet is not None
    assert caller("GET", sheet[1]).headers["Content-Type"].startswith("text/css")
    assert "http://" not in page.text.replace(caller.url, "")
    assert "https://" not in page.text


def test_households_are_searched_and_paged(profiles: Caller) -> None:
    for number in range(52):
        key = f"household:{number}"
        profiles("POST", "/api/households", json=household(key, clientA=person(lastName=f"Park{number:02}")))
    first = profiles.page("/households?q=PARK")
    assert "Park00" in first
    assert "Park51" not in first
    assert 'rel="next"' in first
    second = profiles.page("/households?q=PARK&page=2")
    assert "Park51" in second
    assert 'rel="next"' not in second
    assert "No household whose last name" in profiles.page("/households?q=zzz")


def test_a_case_is_shown_whole_and_escaped(profiles: Caller, case: str) -> None:
    text = profiles.page(case)
    assert SCRIPT not in text
    assert SCRIPT in unescape(text)
    for shown in ("Brokerage", "1,234.50", "account:5", "Market", "VTI", "riskProfile", "mood"):
        assert shown in text


def test_a_field_is_edited_and_the_rest_stays(profiles: Caller, case: str) -> None:
    form = profiles.page(f"{case}/edit?at=assets.0")
    assert 'value="Brokerage"' in form
    values = {"accountName": "Mine", "holdingsValue": "$9,999,999,999,999,999.99", "owner": "clientA"}
    sent = profiles.send_form(f"{case}/edit", at="assets.0", version=version(profiles, case), **values)
    assert sent.status_code == 303
    assert sent.headers["Location"] == case
    asset = document(profiles, case)["assets"][0]
    assert (asset["accountName"], asset["owner"], asset["externalSourceId"]) == ("Mine", "clientA", "account:5")
    assert asset["mood"] == SCRIPT
    assert asset["holdings"][0]["ticker"] == "VTI"
    assert b"9999999999999999.99" in profiles("GET", f"/api{case}").content


def test_nested_fields_are_edited(profiles: Caller, case: str) -> None:
    form = person_form(**{"addressInfo.city": "Springfield", "income.annualSalary": "125000.50", "homePhone": ""})
    profiles.send_form(f"{case}/edit", at="clientA", version="1", **form)
    client = document(profiles, case)["clientA"]
    assert client["addressInfo"]["city"] == "Springfield"
    assert client["income"]["annualSalary"] == 125000.5
    assert client["employerAddress"] is None


def test_items_are_added_by_hand_without_a_key_and_deleted(profiles: Caller, case: str) -> None:
    added = [
        ("dependents", person_form(firstName="Tom")),
        ("assets", {"accountName": "Coins"}),
        ("assets.1.holdings", {"holdingName": "Gold"}),
        ("liabilities", {"liabilityName": "Loan", "annualInterestRate": "4.5 %", "remainingYears": "21.5"}),
        ("insurancePolicies", {"kind": "life", "beneficiaries": "clientA, dependent:contact:9"}),
        ("clientB", person_form(firstName="Bo")),
    ]
    for place, (to, values) in enumerate(added, 1):
        assert profiles("GET", f"{case}/add?to={to}").status_code == 200
        assert profiles.send_form(f"{case}/add", at=to, version=str(place), **values).status_code == 303
    whole = document(profiles, case)
    assert whole["assets"][1]["externalSourceId"] is None
    assert whole["assets"][1]["holdings"][0]["holdingName"] == "Gold"
    assert whole["liabilities"][0]["annualInterestRate"] == 4.5
    shown = profiles.page(case)
    assert "4.5 %" in shown
    assert re.search(r">21\.5<", shown)
    assert whole["insurancePolicies"][0]["beneficiaries"] == ["clientA", "dependent:contact:9"]
    assert whole["clientB"]["firstName"] == "Bo"
    for at in ("assets.1.holdings.0", "assets.1", "dependents.0", "liabilities.0", "insurancePolicies.0", "clientB"):
        sent = profiles.send_form(f"{case}/delete", at=at, version=version(profiles, case))
        assert sent.status_code == 303, at
    whole = document(profiles, case)
    assert len(whole["assets"]) == 1
    assert whole["clientB"] is None
    assert whole["dependents"] == whole["liabilities"] == whole["insurancePolicies"] == []


def test_notes_of_any_shape_are_edited(profiles: Caller, case: str) -> None:
    profiles.send_form(f"{case}/edit", at="notes", version="1", text="First\r\nSecond")
    assert document(profiles, case)["notes"] == "First\nSecond"
    body = {"document": {"clientA": person(), "notes": {"a": [1]}}}
    profiles("PUT", f"/api{case}", json=body, headers={"If-Match": '"2"'})
    assert "[" in profiles.page(f"{case}/edit?at=notes")
    assert profiles.send_form(f"{case}/edit", at="notes", version="3", text="{").status_code == 400
    profiles.send_form(f"{case}/edit", at="notes", version="3", text='{"a": [2]}')
    assert document(profiles, case)["notes"] == {"a": [2]}


def test_a_form_that_cannot_be_saved_comes_back_with_the_reason(profiles: Caller, case: str) -> None:
    sent = profiles.send_form(f"{case}/edit", at="assets.0", version="1", accountName="X", holdingsValue="much")
    assert sent.status_code == 400
    assert "assets[0].holdingsValue" in sent.text
    assert 'value="much"' in sent.text
    assert document(profiles, case)["assets"][0]["accountName"] == "Brokerage"


def test_a_form_on_an_older_version_is_refused(profiles: Caller, case: str) -> None:
    profiles.send_form(f"{case}/edit", at="clientA", version="1", **person_form())
    sent = profiles.send_form(f"{case}/edit", at="clientA", version="1", **person_form(firstName="Eve"))
    assert sent.status_code == 409
    assert document(profiles, case)["clientA"]["firstName"] == "Ann"


def test_places_that_do_not_exist_are_404(profiles: Caller, case: str) -> None:
    for at in ("assets.9", "assets.x", "assets", "clientB", "nowhere", "", "assets.0.holdings.4", "dependents.-1"):
        assert profiles("GET", f"{case}/edit?at={at}").status_code == 404, at
    for to in ("nowhere.1", "clientA", "", "x", "notes"):
        assert profiles("GET", f"{case}/add?to={to}").status_code == 404, to
    assert profiles.send_form(f"{case}/delete", at="clientA", version="1").status_code == 404
    assert profiles("GET", "/cases/999").status_code == 404


def test_a_case_is_opened_and_closed_by_hand(profiles: Caller, case: str) -> None:
    profiles.send_form(f"{case}/open", openedBy="dana")
    assert profiles("GET", f"/api{case}").json()["openedBy"] == "dana"
    assert "Opened by dana" in profiles.page(case)
    profiles.send_form(f"{case}/edit", at="clientA", version="1", **person_form(firstName="Eve"))
    assert document(profiles, case)["clientA"]["firstName"] == "Eve"
    profiles.send_form(f"{case}/close")
    assert profiles("GET", f"/api{case}").json()["state"] == "closed"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example.com"},
        {"Origin": "null"},
        {"Referer": "http://evil.example.com/127.0.0.1"},
        {"Host": "evil.example.com", "Origin": "http://evil.example.com"},
    ],
    ids=str,
)
def test_forms_from_elsewhere_are_refused(
    profiles: Caller, emoney: EmoneyCaller, case: str, headers: dict[str, str]
) -> None:
    assert profiles("POST", f"{case}/open", data={"openedBy": "eve"}, headers=headers).status_code == 403
    assert profiles("GET", f"/api{case}").json()["state"] == "closed"
    path = f"/clients/{emoney.add_client()}/edit"
    assert emoney("POST", path, data={"firstName": "Eve"}, headers=headers).status_code == 403


def test_a_referer_of_our_own_is_enough(profiles: Caller, case: str) -> None:
    headers = {"Referer": f"{profiles.url}{case}"}
    assert profiles("POST", f"{case}/open", data={"openedBy": "dana"}, headers=headers).status_code == 303


def test_an_emoney_client_is_shown_whole_and_escaped(emoney: EmoneyCaller) -> None:
    client = emoney.add_client(firstName=SCRIPT, externalId="contact:7", address={"city": "Springfield"})
    emoney.deliver("f1", line(client, investment(assetName=SCRIPT), policy()))
    emoney.link(client, {"sourceKey": "account:5", "classification": "Cash", "owner": "client"})
    emoney.deliver("f2", line(client, investment(assetName=SCRIPT)))
    text = emoney.page(f"/clients/{client}")
    assert SCRIPT not in text
    assert SCRIPT in unescape(text)
    for shown in ("contact:7", "Springfield", "SmartOffice (Ebix CRM)", "101.50", "Cash", "***1234", "2026-03-02"):
        assert shown in text
    assert "not in the last feed" in text
    assert emoney.accounts(client)["account:5"]["lastRefreshedAt"] in text
    assert "contact:7" in emoney.page("/clients?q=LE")
    assert "f2" in emoney.page("/feeds")


def test_an_emoney_client_is_edited(emoney: EmoneyCaller) -> None:
    client = emoney.add_client(risk=3)
    page = f"/clients/{client}/edit"
    assert 'value="Ann"' in emoney.page(page)
    form = {"firstName": "Ann", "lastName": "Park", "maritalStatus": "Married", "job.companyName": "Acme"}
    assert emoney.send_form(page, **form).status_code == 303
    changed = emoney("GET", f"/public/v1/clients/{client}").json()
    assert (changed["lastName"], changed["job"]["companyName"], changed["risk"]) == ("Park", "Acme", 3)
    refused = emoney.send_form(page, firstName="", lastName="Park")
    assert refused.status_code == 400
    assert "firstName" in refused.text


def test_an_emoney_spouse_is_added_and_deleted(emoney: EmoneyCaller) -> None:
    single, married = emoney.add_client(), emoney.add_client(maritalStatus="Married")
    spouse = {"firstName": "Bo", "lastName": "Lee"}
    assert emoney.send_form(f"/clients/{single}/spouse", **spouse).status_code == 400
    assert emoney.send_form(f"/clients/{married}/spouse", **spouse).status_code == 303
    assert "Bo" in emoney.page(f"/clients/{married}")
    assert emoney.send_form(f"/clients/{married}/spouse/delete").status_code == 303
    assert emoney("GET", f"/public/v1/clients/{married}/spouse").status_code == 404


def test_an_account_is_linked_and_classified_by_hand(emoney: EmoneyCaller) -> None:
    client = emoney.add_client(connected=False)
    emoney.send_form(f"/clients/{client}/connections")
    emoney.deliver("f1", line(client, investment()))
    link = {"sourceKey": "account:5", "classification": "Roth IRA", "owner": "spouse"}
    assert emoney.send_form(f"/clients/{client}/links", **link).status_code == 303
    account = emoney.accounts(client, "linked")["account:5"]
    assert (account["classification"], account["owner"]) == ("Roth IRA", "spouse")
    assert emoney.send_form(f"/clients/{client}/links", **link).status_code == 409
