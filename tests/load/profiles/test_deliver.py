"""One household to Profiles: created once, merged with what advisors typed, never doubled, whatever goes wrong."""

import zlib
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import CredentialsRefused, StagingError
from etl.load.delivery import begin_group, deliver
from etl.load.ledger import intents, links
from etl.load.ledger.tables import delivery
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.deliver import ProfilesDelivery
from tests.load.delivering import DAY, NEXT_DAY, Desk, decided, household
from tests.load.documents import asset, person, policy

Json = dict[str, Any]


def the_case(desk: Desk, key: str = "household:1") -> Json:
    return desk.vendors.cases()[key]


def edit(desk: Desk, **values: Any) -> None:
    """An advisor changes the document in the browser and closes the case."""
    case = the_case(desk)
    headers = {"If-Match": f'"{case["version"]}"', "Authorization": f"Bearer {token(desk)}"}
    body = {"document": {**case["document"], **values}}
    answer = desk.vendors.profiles("PUT", f"/api/cases/{case['caseId']}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def token(desk: Desk) -> str:
    log_in = {"username": "planbridge", "password": "sandbox"}
    text: str = desk.vendors.profiles("POST", "/api/auth/login", json=log_in).json()["token"]
    return text


def add_household(desk: Desk, key: str | None, cases: int = 1, **client: Any) -> str:
    """A household that somebody else made at Profiles."""
    headers = {"Authorization": f"Bearer {token(desk)}"}
    body = {"externalSourceId": key, "case": {"name": "Theirs", "clientA": person(**client)}}
    made = desk.vendors.profiles("POST", "/api/households", json=body, headers=headers).json()["householdId"]
    for _ in range(cases - 1):
        more = {"name": "More", "clientA": person(**client)}
        desk.vendors.profiles("POST", f"/api/households/{made}/cases", json=more, headers=headers)
    return str(made)


def open_case(desk: Desk, who: str | None) -> None:
    headers = {"Authorization": f"Bearer {token(desk)}"}
    verb, body = ("close", None) if who is None else ("open", {"openedBy": who})
    case_id = the_case(desk)["caseId"]
    assert desk.vendors.profiles("POST", f"/api/cases/{case_id}/{verb}", json=body, headers=headers).status_code == 200


def test_a_household_is_created_once_and_then_left_alone(desk: Desk) -> None:
    assert desk.to_profiles(household()).outcome.outcome == "created"
    calls = desk.vendors.calls()
    again = desk.to_profiles(household(), NEXT_DAY)
    assert again.outcome.outcome == "unchanged"
    assert desk.vendors.calls() == calls
    assert desk.link("profiles").matched_by == "CREATED"


def test_changed_data_make_one_read_and_one_write(desk: Desk) -> None:
    desk.to_profiles(household())
    before = desk.vendors.calls()
    delivered = desk.to_profiles(household(clientA=person(cellPhone="603-555-0101")))
    after = desk.vendors.calls()
    made = {call: count - before.get(call, 0) for call, count in after.items() if count != before.get(call, 0)}
    assert made == {"POST /api/auth/login": 1, "GET /api/cases/{case_id}": 1, "PUT /api/cases/{case_id}": 1}
    assert delivered.outcome.outcome == "updated"
    assert [(one.field, one.before, one.after) for one in delivered.changes] == [
        ("clientA.cellPhone", None, "603-555-0101")
    ]
    assert the_case(desk)["document"]["clientA"]["cellPhone"] == "603-555-0101"


def test_what_an_advisor_typed_survives_and_is_reported(desk: Desk) -> None:
    desk.to_profiles(household(assets=[asset(5), asset(6), asset(7)]))
    typed_in = {"accountName": "House", "owner": "clientA", "holdingsValue": 9}
    kept = [{**asset(5), "accountType": "Trust Account"}, asset(7), typed_in]
    edit(desk, assets=kept, notes=["call back"], clientA=person(cellPhone="advisor"), goals={"retire": 65})
    ours = household(assets=[asset(5, accountType="Keogh"), asset(6)], clientA=person(cellPhone="crm", fax="crm"))
    delivered = desk.to_profiles(ours, NEXT_DAY)
    now = the_case(desk)["document"]
    assert now["notes"] == ["call back"]
    assert now["goals"] == {"retire": 65}
    assert now["clientA"]["cellPhone"] == "advisor"
    assert now["clientA"]["fax"] == "crm"
    assert [one.get("externalSourceId") for one in now["assets"]] == ["account:5", "account:7", None]
    assert now["assets"][0]["accountType"] == "Trust Account"
    assert decided(delivered) >= {
        ("clientA.cellPhone", "kept"),
        ("assets[account:5].accountType", "kept"),
        ("assets[account:7]", "stale"),
        ("assets[account:6]", "removed_by_advisor"),
        ("clientA.fax", "written"),
    }
    assert {(one.rule_id, one.field) for one in delivered.findings} == {
        ("PROFILES-KEPT", "clientA.cellPhone"),
        ("PROFILES-KEPT", "assets[account:5].accountType"),
        ("PROFILES-KEPT", "assets[account:6]"),
        ("PROFILES-STALE", "assets[account:7]"),
    }
    details = {one.field: one.detail for one in delivered.findings}
    assert details["clientA.cellPhone"] == "edited in Profiles"
    assert not any("advisor" in (one.detail + (one.field or "")) for one in delivered.findings)


def test_a_field_goes_on_being_ours_after_each_update(desk: Desk) -> None:
    for day, phone in ((20, "one"), (23, "two"), (24, "three")):
        ours = household(clientA=person(cellPhone=phone))
        assert desk.to_profiles(ours, DAY.replace(day=day)).outcome.outcome in ("created", "updated")
        assert the_case(desk)["document"]["clientA"]["cellPhone"] == phone


def test_an_open_case_is_deferred_with_who_has_it_and_goes_when_it_is_closed(desk: Desk) -> None:
    desk.to_profiles(household())
    open_case(desk, "amy")
    changed = household(clientA=person(fax="new"))
    deferred = desk.to_profiles(changed)
    assert deferred.outcome.outcome == "deferred"
    assert deferred.outcome.reason is not None
    assert "amy" in deferred.outcome.reason
    assert the_case(desk)["openedAt"] in deferred.outcome.reason
    open_case(desk, None)
    assert desk.to_profiles(changed).outcome.outcome == "updated"


def test_a_case_opened_between_read_and_write_is_deferred(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.to_profiles(household())
    read = ProfilesClient.read_case

    def read_then_open(client: ProfilesClient, case_id: str) -> Any:
        case = read(client, case_id)
        open_case(desk, "amy")
        return case

    monkeypatch.setattr(ProfilesClient, "read_case", read_then_open)
    deferred = desk.to_profiles(household(clientA=person(fax="new")))
    assert deferred.outcome.outcome == "deferred"
    assert the_case(desk)["document"]["clientA"]["fax"] is None
    assert desk.in_doubt("profiles") == []


def test_a_version_conflict_is_read_again_and_merged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.to_profiles(household())
    read, edits = ProfilesClient.read_case, iter([{"notes": "in between"}])

    def read_then_edit(client: ProfilesClient, case_id: str) -> Any:
        case = read(client, case_id)
        for values in edits:
            edit(desk, **values)
            break
        return case

    monkeypatch.setattr(ProfilesClient, "read_case", read_then_edit)
    assert desk.to_profiles(household(clientA=person(fax="new"))).outcome.outcome == "updated"
    now = the_case(desk)["document"]
    assert (now["notes"], now["clientA"]["fax"]) == ("in between", "new")


def test_a_case_that_keeps_changing_is_deferred(desk: Desk) -> None:
    desk.to_profiles(household())
    desk.vendors.profiles.faults(
        {"kind": "error", "method": "PUT", "status": 412, "shape": "message", "code": "version_conflict"}
    )
    assert desk.to_profiles(household(clientA=person(fax="new"))).outcome.outcome == "deferred"
    assert desk.in_doubt("profiles") == []


def test_a_refused_document_is_held_with_the_field_and_no_value(desk: Desk) -> None:
    refused = desk.to_profiles(household(clientA=person(birthDate="secret")))
    assert refused.outcome.outcome == "held"
    assert refused.outcome.reason is not None
    assert refused.outcome.reason.startswith("VENDOR-REJECTED")
    assert "clientA.birthDate" in refused.outcome.reason
    assert "secret" not in refused.outcome.reason
    assert [one.rule_id for one in refused.findings] == ["VENDOR-REJECTED"]
    assert desk.to_profiles(household()).outcome.outcome == "created"


def test_success_false_is_no_write_and_is_tried_again(desk: Desk) -> None:
    desk.to_profiles(household())
    changed = household(clientA=person(fax="new"))
    desk.vendors.profiles.faults({"kind": "not_done"})
    refused = desk.to_profiles(changed)
    assert refused.outcome.outcome == "failed"
    assert refused.findings == ()
    assert refused.changes == ()
    desk.vendors.profiles.faults()
    assert desk.to_profiles(changed).outcome.outcome == "updated"
    assert the_case(desk)["document"]["clientA"]["fax"] == "new"


def test_a_linked_case_that_is_gone_is_held_and_never_made_again(desk: Desk) -> None:
    desk.to_profiles(household())
    desk.vendors.profiles.reset()
    for _ in range(2):
        gone = desk.to_profiles(household(clientA=person(fax="new")))
        assert gone.outcome.outcome == "held"
        assert gone.outcome.reason is not None
        assert gone.outcome.reason.startswith("MATCH-GONE")
    assert desk.vendors.cases() == {}


def test_a_unit_whose_case_is_gone_never_counts_as_unchanged(desk: Desk) -> None:
    desk.to_profiles(household())
    desk.vendors.profiles.reset()
    desk.to_profiles(household(clientA=person(fax="new")))
    (offered,) = links.read_sent(desk.ledger, "profiles", "case")["offered_hash"]
    assert offered == ""


def test_our_external_id_finds_a_household_whose_link_was_lost(desk: Desk) -> None:
    theirs = add_household(desk, "household:1", lastName="Married-Since")
    assert desk.to_profiles(household(clientA=person(fax="new"))).outcome.outcome == "updated"
    assert desk.link("profiles").vendor_client_id == theirs
    assert desk.link("profiles").matched_by == "MATCH-STORED"
    assert the_case(desk)["document"]["clientA"]["lastName"] == "Married-Since"


def test_the_exact_match_is_found_whether_its_name_is_composed_or_decomposed_there(desk: Desk) -> None:
    theirs = add_household(desk, None, firstName="Zo\u00eb")
    desk.to_profiles(household(clientA=person(firstName="Zoe\u0308")))
    assert (desk.link("profiles").vendor_client_id, desk.link("profiles").matched_by) == (theirs, "MATCH-EXACT")


def test_the_one_exact_match_is_adopted_in_any_case_of_letters(desk: Desk) -> None:
    theirs = add_household(desk, None, firstName="ANN", lastName="lee", cellPhone="advisor")
    adopted = desk.to_profiles(household(clientA=person(cellPhone="crm", fax="crm")))
    assert adopted.outcome.outcome == "updated"
    assert (desk.link("profiles").vendor_client_id, desk.link("profiles").matched_by) == (theirs, "MATCH-EXACT")
    (only,) = desk.vendors.profiles.state()["households"]
    now = only["cases"][0]["document"]["clientA"]
    assert (now["firstName"], now["cellPhone"], now["fax"]) == ("ANN", "advisor", "crm")
    (kept,) = [one for one in adopted.findings if one.field == "clientA.cellPhone"]
    assert (kept.rule_id, kept.detail) == ("PROFILES-KEPT", "never sent: nobody has said which of the two is right")


@pytest.mark.parametrize("others", [{"cases": 2}, {"twins": 2}])
def test_ambiguous_matches_are_held_with_the_candidates(desk: Desk, others: dict[str, int]) -> None:
    made = [add_household(desk, None, others.get("cases", 1)) for _ in range(others.get("twins", 1))]
    before = desk.vendors.profiles.state()["households"]
    held = desk.to_profiles(household())
    assert held.outcome.outcome == "held"
    assert [one.rule_id for one in held.findings] == ["MATCH-AMBIGUOUS"]
    assert all(household_id in held.findings[0].detail for household_id in made)
    assert desk.vendors.profiles.state()["households"] == before


def test_a_namesake_is_never_written_to(desk: Desk) -> None:
    theirs = add_household(desk, None, firstName="Zoe")
    before = desk.vendors.profiles.state()["households"]
    created = desk.to_profiles(household())
    assert created.outcome.outcome == "created"
    assert [(one.rule_id, theirs in one.detail) for one in created.findings] == [("MATCH-LAST-NAME", True)]
    assert desk.vendors.profiles.state()["households"][:1] == before


def test_a_record_that_is_another_units_is_no_candidate(desk: Desk) -> None:
    desk.to_profiles(household("H1"))
    assert desk.to_profiles(household("H2", client=2)).outcome.outcome == "created"
    assert len(desk.vendors.cases()) == 2


def test_a_lone_client_who_becomes_head_keeps_case_and_history(desk: Desk) -> None:
    desk.to_profiles(household("C7", client=7))
    wanted = household("H12", client=7, spouse=8)
    looked = desk.to_profiles(wanted, NEXT_DAY, dry_run=True)
    assert (looked.outcome.outcome, len(desk.vendors.profiles.state()["households"])) == ("updated", 1)
    assert desk.to_profiles(wanted, NEXT_DAY).outcome.outcome == "updated"
    (only,) = desk.vendors.profiles.state()["households"]
    assert only["externalSourceId"] == "contact:7"
    assert only["cases"][0]["document"]["clientB"]["firstName"] == "Bea"
    assert (desk.link("profiles", "H12").client_contact_id, desk.link("profiles", "H12").spouse_contact_id) == (7, 8)


def test_older_data_never_overwrite_newer(desk: Desk) -> None:
    desk.to_profiles(household(clientA=person(fax="new")), NEXT_DAY)
    older = desk.to_profiles(household(clientA=person(fax="old")), DAY)
    assert older.outcome.outcome == "skipped"
    assert older.outcome.reason is not None
    assert "2026-11-23" in older.outcome.reason
    assert the_case(desk)["document"]["clientA"]["fax"] == "new"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(desk: Desk) -> None:
    assert desk.to_profiles(household(), dry_run=True).outcome.outcome == "created"
    assert desk.vendors.cases() == {}
    desk.to_profiles(household())
    link, sent, case = desk.link("profiles"), desk.sent("profiles"), the_case(desk)
    would = desk.to_profiles(household(clientA=person(fax="new")), NEXT_DAY, dry_run=True)
    assert would.outcome.outcome == "updated"
    assert [(one.field, one.before, one.after) for one in would.changes] == [("clientA.fax", None, "new")]
    assert (desk.link("profiles"), desk.sent("profiles"), the_case(desk)) == (link, sent, case)


def test_bytes_that_did_not_pass_the_gate_are_not_sent(desk: Desk) -> None:
    with pytest.raises(StagingError, match="H1"):
        desk.to_profiles(replace(household(), payload_hash="0" * 64))
    assert desk.vendors.cases() == {}


# --- faults -----------------------------------------------------------------------------------------------------

ON_CREATE = {"method": "POST", "path": "/api/households"}
ON_UPDATE = {"method": "PUT", "path": "/api/cases/*"}
LATER_READS_FAIL = {"kind": "unavailable", "method": "GET", "after": 2}  # after both searches of MATCH
LOST_ANSWERS: list[Json] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "unavailable"},
    {"kind": "unavailable", "after_commit": True},
    {"kind": "html"},
    {"kind": "html", "after_commit": True},
    {"kind": "truncated"},
    {"kind": "truncated", "announce_all": True},
    {"kind": "drip", "every_seconds": 0.05},
    {"kind": "error", "after_commit": True},
    {"kind": "too_many", "form": "none"},
    {"kind": "too_many", "form": "seconds", "retry_after": 1},
    {"kind": "too_many", "form": "date", "retry_after": 1},
    {"kind": "unauthorized"},
    {"kind": "unauthorized", "revoke": True},
]
NAMES = ["-".join(str(value) for value in fault.values()) for fault in LOST_ANSWERS]


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=NAMES)
def test_a_creation_that_goes_wrong_once_ends_in_one_household(desk: Desk, fault: Json) -> None:
    desk.vendors.profiles.faults({**ON_CREATE, "count": 1, **fault})
    assert desk.to_profiles(household()).outcome.outcome == "created"
    assert the_case(desk)["version"] == 1
    assert desk.in_doubt("profiles") == []


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=NAMES)
def test_an_update_that_goes_wrong_once_is_made_once(desk: Desk, fault: Json) -> None:
    desk.to_profiles(household())
    desk.vendors.profiles.faults({**ON_UPDATE, "count": 1, **fault})
    delivered = desk.to_profiles(household(clientA=person(fax="new")))
    assert delivered.outcome.outcome == "updated"
    assert ("clientA.fax", "written") in decided(delivered)
    assert (the_case(desk)["version"], the_case(desk)["document"]["clientA"]["fax"]) == (2, "new")
    assert desk.in_doubt("profiles") == []
    # The field is ours: the next change goes through.
    desk.vendors.profiles.faults()
    assert desk.to_profiles(household(clientA=person(fax="newer"))).outcome.outcome == "updated"
    assert the_case(desk)["document"]["clientA"]["fax"] == "newer"


@pytest.mark.parametrize("fault", [{"kind": "reset_after"}, {"kind": "reset_before"}, {"kind": "unavailable"}])
def test_a_creation_that_always_goes_wrong_is_deferred_and_mended_by_the_next_run(desk: Desk, fault: Json) -> None:
    desk.vendors.profiles.faults({**ON_CREATE, **fault}, LATER_READS_FAIL)
    assert desk.to_profiles(household()).outcome.outcome == "deferred"
    desk.vendors.profiles.faults()
    assert desk.to_profiles(household()).outcome.outcome == "created"
    assert the_case(desk)["version"] == 1


def test_a_household_that_search_does_not_find_for_a_while_is_not_made_twice(desk: Desk) -> None:
    desk.vendors.profiles.faults(
        {"kind": "search_lag", "seconds": 0.25}, {**ON_CREATE, "kind": "reset_after", "count": 1}
    )
    assert desk.to_profiles(household()).outcome.outcome == "created"
    assert len(desk.vendors.cases()) == 1


def test_two_households_with_our_key_are_reported_and_neither_is_picked(desk: Desk) -> None:
    made = [add_household(desk, "household:1"), add_household(desk, "household:1", firstName="Bob")]
    held = desk.to_profiles(household())
    assert held.outcome.outcome == "held"
    assert all(one in held.findings[0].detail for one in made)


def test_a_late_first_write_is_not_taken_for_an_advisors_edit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost, the case looks untouched, the second write meets the first one, which came through late."""
    desk.to_profiles(household())
    desk.vendors.profiles.faults({**ON_UPDATE, "kind": "reset_before", "count": 1})
    replace_case, late = ProfilesClient.replace_case, []

    def replace_late(client: ProfilesClient, case_id: str, document: Any, version: str) -> str:
        if late:
            replace_case(client, case_id, late.pop(), version)
        else:
            late.append(document)
        return replace_case(client, case_id, document, version)

    monkeypatch.setattr(ProfilesClient, "replace_case", replace_late)
    assert desk.to_profiles(household(clientA=person(fax="new"))).outcome.outcome == "updated"
    monkeypatch.undo()
    assert the_case(desk)["document"]["clientA"]["fax"] == "new"
    assert desk.to_profiles(household(clientA=person(fax="newer"))).outcome.outcome == "updated"
    assert the_case(desk)["document"]["clientA"]["fax"] == "newer"


def test_wrong_credentials_stop_the_vendor(desk: Desk) -> None:
    desk.profiles_password = "wrong"
    with pytest.raises(CredentialsRefused, match="profiles"):
        desk.to_profiles(household())
    desk.profiles_password = "sandbox"
    assert desk.to_profiles(household()).outcome.outcome == "created"


@pytest.mark.parametrize("reason", ["password_expired", "eula_not_accepted"])
def test_a_log_in_that_needs_an_operator_says_so(desk: Desk, reason: str) -> None:
    desk.vendors.profiles.faults({"kind": "forbidden", "reason": reason})
    with pytest.raises(CredentialsRefused, match="403"):
        desk.to_profiles(household())


def test_a_second_401_stops_the_vendor_and_the_creation_is_not_doubled_later(desk: Desk) -> None:
    desk.vendors.profiles.faults({**ON_CREATE, "kind": "unauthorized"})
    with pytest.raises(CredentialsRefused, match="401"):
        desk.to_profiles(household())
    desk.vendors.profiles.faults()
    assert desk.to_profiles(household()).outcome.outcome == "created"
    assert len(desk.vendors.cases()) == 1


def test_a_couple_that_changes_while_its_creation_is_in_doubt_waits_for_the_next_run(desk: Desk) -> None:
    first = household(spouse=2)
    desk.vendors.profiles.faults({**ON_CREATE, "kind": "reset_after"}, LATER_READS_FAIL)
    assert desk.to_profiles(first).outcome.outcome == "deferred"
    desk.vendors.profiles.faults()
    other = household(spouse=3, clientB=person(firstName="Cora"))
    deferred = desk.to_profiles(other)
    assert deferred.outcome.outcome == "deferred"
    assert (desk.link("profiles").client_contact_id, desk.link("profiles").spouse_contact_id) == (1, 2)
    assert the_case(desk)["document"]["clientB"]["firstName"] == "Bea"


def test_a_new_policy_and_a_new_asset_are_added_beside_what_is_there(desk: Desk) -> None:
    desk.to_profiles(household(assets=[asset(5)]))
    ours = household(assets=[asset(5), asset(6)], insurancePolicies=[policy(3)])
    delivered = desk.to_profiles(ours)
    assert decided(delivered) == {("assets[account:6]", "added"), ("insurancePolicies[policy:3]", "added")}
    now = the_case(desk)["document"]
    assert [one["externalSourceId"] for one in now["assets"]] == ["account:5", "account:6"]
    assert intents.units_in_doubt(desk.ledger, "profiles") == set()


def test_a_write_that_cannot_be_read_back_stops_its_own_unit_alone(desk: Desk) -> None:
    job, to = desk.job(), ProfilesDelivery(desk.profiles_client())
    intents.begin(desk.ledger, "profiles", "H1", "replace_case", "hash", {"case": "case-1"}, DAY, "earlier", "1")
    with desk.ledger.write() as connection:
        connection.execute(sa.update(delivery).values(intent=b"not packed"))
    units = [household("H1", 1), household("H2", 2)]
    with begin_group(job, "profiles", units) as group:
        with pytest.raises(zlib.error):
            deliver(to, job, units[0], group)
        assert deliver(to, job, units[1], group).outcome.outcome == "created"
