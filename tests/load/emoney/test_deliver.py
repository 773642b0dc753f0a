"""One household to eMoney: client, spouse, connection as steps that can be taken up again, each exactly once."""

import unicodedata
from typing import Any

import pytest

from etl.errors import CredentialsRefused, InDoubt, VendorUnavailable
from etl.load.delivery import attempt, begin
from etl.load.emoney.client import EmoneyClient
from etl.load.ledger import intents
from etl.load.ledger.changes import read_decisions
from etl.load.ledger.findings import read_load_findings
from tests.keys import vendor_keys
from tests.load.delivering import DAY, NEXT_DAY, Desk, couple, decided, emoney_spouse
from tests.load.documents import address
from tests.sandbox.running import EmoneyCaller, private_key_of

Json = dict[str, Any]
CLIENTS = "/public/v1/clients"


@pytest.fixture
def office(desk: Desk, tmp_path: Any) -> EmoneyCaller:
    """Somebody who works in eMoney's own screens."""
    (tmp_path / "private.pem").write_text(vendor_keys()[0])
    caller = EmoneyCaller(desk.vendors.emoney.url, private_key=private_key_of(tmp_path))
    caller.log_in()
    return caller


def the_client(desk: Desk, key: str = "contact:1") -> Json:
    return desk.vendors.clients()[key]


def writes_since(desk: Desk, before: dict[str, int]) -> dict[str, int]:
    now = desk.vendors.writes()
    return {call: count - before.get(call, 0) for call, count in now.items() if count != before.get(call, 0)}


def test_a_couple_is_made_in_as_few_calls_as_there_are_steps(desk: Desk) -> None:
    assert desk.to_emoney(couple(spouse=2)).outcome.outcome == "created"
    made = the_client(desk)
    assert made["client"]["maritalStatus"] == "Married"
    assert made["spouse"]["externalId"] == "contact:2"
    assert [one["status"] for one in made["connections"]] == ["active"]
    assert desk.vendors.calls() == {
        "POST /connect/token": 1,
        "GET /public/v1/clients": 2,
        "POST /public/v1/clients": 1,
        "PUT /public/v1/clients/{client_id}/spouse": 1,
        "POST /public/v1/clients/{client_id}/connections": 1,
    }


def test_the_same_data_again_write_nothing(desk: Desk) -> None:
    desk.to_emoney(couple(spouse=2))
    before = desk.vendors.writes()
    assert desk.to_emoney(couple(spouse=2), NEXT_DAY).outcome.outcome == "unchanged"
    assert writes_since(desk, before) == {}


def test_only_fields_that_changed_in_the_crm_are_written(desk: Desk, office: EmoneyCaller) -> None:
    desk.to_emoney(couple(cellPhone="one", fax="fax"))
    path = f"{CLIENTS}/{the_client(desk)['id']}"
    office("PATCH", path, json={"fax": "typed in", "nickname": "Annie"})
    before = desk.vendors.writes()
    updated = desk.to_emoney(couple(cellPhone="two", fax="fax"))
    assert [(one.field, one.before, one.after) for one in updated.changes] == [("cellPhone", "one", "two")]
    assert writes_since(desk, before) == {"PATCH /public/v1/clients/{client_id}": 1}
    now = the_client(desk)["client"]
    assert (now["cellPhone"], now["fax"], now["nickname"]) == ("two", "typed in", "Annie")


OVERWRITTEN = "SmartOffice's value has replaced it"
STAYS = "eMoney's value stays"


@pytest.mark.parametrize(
    ("keeps", "phones", "cities", "detail"),
    [
        ((), ("two", "two"), ("Salem", "Salem"), OVERWRITTEN),
        (("cellPhone", "address", "spouse"), ("typed", "hers"), ("Lynn", "Lynn"), STAYS),
    ],
)
def test_a_field_that_changed_in_the_crm_and_at_emoney_is_reported_on_either_side_that_keeps_it(
    desk: Desk, office: EmoneyCaller, keeps: tuple[str, ...], phones: tuple[str, str], cities: Any, detail: str
) -> None:
    desk.keeps = keeps
    old, new = address(city="Boston"), address(city="Salem")
    desk.to_emoney(couple(cellPhone="one", fax="one", address=old, spouse=2, partner={"cellPhone": "one"}))
    path = f"{CLIENTS}/{the_client(desk)['id']}"
    office("PATCH", path, json={"cellPhone": "typed", "address": {"city": "Lynn"}})
    office("PUT", f"{path}/spouse", json={**the_client(desk)["spouse"], "cellPhone": "hers"})
    ours = couple(cellPhone="two", fax="two", address=new, spouse=2, partner={"cellPhone": "two"})
    dry = desk.to_emoney(ours, dry_run=True)
    done = desk.to_emoney(ours)
    for told in (dry, done):
        assert [(one.rule_id, one.field, one.detail) for one in told.findings] == [
            ("EMY-OVERWRITTEN", field, detail) for field in ("address.city", "cellPhone", "spouse.cellPhone")
        ]
    now = the_client(desk)
    assert (now["client"]["cellPhone"], now["spouse"]["cellPhone"]) == phones
    assert (now["client"]["fax"], now["client"]["address"]["city"]) == ("two", cities[0])
    assert ("cellPhone", "kept" if keeps else "written") in decided(done)
    # Whoever's it is, it stays so until it changes in the CRM again, or at eMoney.
    later = couple(cellPhone="two", fax="three", address=new, spouse=2, partner={"cellPhone": "two"})
    assert bool(desk.to_emoney(later).findings) is bool(keeps)
    assert (the_client(desk)["client"]["cellPhone"], the_client(desk)["client"]["fax"]) == (phones[0], "three")


def test_what_is_overwritten_is_in_the_ledger_before_the_write(
    desk: Desk, office: EmoneyCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.to_emoney(couple(cellPhone="one"))
    office("PATCH", f"{CLIENTS}/{the_client(desk)['id']}", json={"cellPhone": "typed"})

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EmoneyClient, "patch_client", die)
    with pytest.raises(KeyboardInterrupt):
        desk.to_emoney(couple(cellPhone="two"))
    run_id = f"run-{desk.runs}"
    assert list(read_load_findings(desk.ledger, run_id)["rule_id"]) == ["EMY-OVERWRITTEN"]
    kept = read_decisions(desk.ledger, run_id, with_values=True)
    assert list(zip(kept["field"], kept["old"], strict=True)) == [("cellPhone", '"typed"')]


def test_a_client_is_read_only_where_something_is_written(desk: Desk) -> None:
    def calls() -> dict[str, int]:
        return {call: count for call, count in desk.vendors.calls().items() if "{client_id}" in call}

    desk.to_emoney(couple(cellPhone="one"))
    before = calls()
    desk.to_emoney(couple(cellPhone="one"), NEXT_DAY)
    assert calls() == before
    desk.to_emoney(couple(cellPhone="two"), NEXT_DAY)
    assert calls() == before | {
        "GET /public/v1/clients/{client_id}": 1,
        "PATCH /public/v1/clients/{client_id}": 1,
    }


def test_a_field_that_both_sides_changed_alike_is_no_conflict(desk: Desk, office: EmoneyCaller) -> None:
    desk.to_emoney(couple(cellPhone="one"))
    office("PATCH", f"{CLIENTS}/{the_client(desk)['id']}", json={"cellPhone": "two"})
    assert desk.to_emoney(couple(cellPhone="two")).findings == ()


def test_a_spouse_who_was_added_goes_by_herself(desk: Desk) -> None:
    desk.to_emoney(couple())
    before = desk.vendors.writes()
    assert desk.to_emoney(couple(spouse=2)).outcome.outcome == "updated"
    assert the_client(desk)["spouse"]["firstName"] == "Bea"
    assert writes_since(desk, before) == {
        "PATCH /public/v1/clients/{client_id}": 1,
        "PUT /public/v1/clients/{client_id}/spouse": 1,
    }
    assert desk.link("emoney").spouse_contact_id == 2


def test_a_changed_spouse_field_leaves_what_was_typed_in_beside_it(desk: Desk, office: EmoneyCaller) -> None:
    desk.to_emoney(couple(spouse=2))
    path = f"{CLIENTS}/{the_client(desk)['id']}/spouse"
    office("PUT", path, json={**the_client(desk)["spouse"], "lastName": "Maiden", "hobby": "golf"})
    updated = desk.to_emoney(couple(spouse=2, partner={"cellPhone": "new"}))
    assert decided(updated) == {("spouse.cellPhone", "written")}
    now = the_client(desk)["spouse"]
    assert (now["lastName"], now["hobby"], now["cellPhone"]) == ("Maiden", "golf", "new")


@pytest.mark.parametrize("is_linked", [False, True])
def test_another_spouse_at_emoney_is_never_written_to(desk: Desk, office: EmoneyCaller, is_linked: bool) -> None:
    if is_linked:
        desk.to_emoney(couple(spouse=2))
        client_id = the_client(desk)["id"]
    else:
        client_id = office.add_client(externalId="contact:1", maritalStatus="Married", dateOfBirth="1970-01-31")
    somebody = {**emoney_spouse(9), "externalId": None, "firstName": "Zoe"}
    assert office("PUT", f"{CLIENTS}/{client_id}/spouse", json=somebody).status_code == 200
    held = desk.to_emoney(couple(spouse=2, partner={"cellPhone": "new"}))
    assert held.outcome.outcome == "held"
    assert (the_client(desk)["spouse"]["firstName"], the_client(desk)["spouse"]["cellPhone"]) == ("Zoe", None)


def test_the_exact_match_is_adopted_by_name_and_birth_date(desk: Desk, office: EmoneyCaller) -> None:
    theirs = office.add_client(firstName="ANN", lastName="LEE", dateOfBirth="1970-01-31", connected=False)
    namesake = office.add_client(firstName="Ann", lastName="Lee", dateOfBirth="1999-09-09")
    assert desk.to_emoney(couple(cellPhone="new")).outcome.outcome == "updated"
    assert (desk.link("emoney").vendor_client_id, desk.link("emoney").matched_by) == (theirs, "MATCH-EXACT")
    found = {one["id"]: one for one in desk.vendors.emoney.state()["clients"]}
    assert (found[theirs]["client"]["cellPhone"], len(found[theirs]["connections"])) == ("new", 1)
    assert found[namesake]["client"]["cellPhone"] is None
    assert len(found) == 2


@pytest.mark.parametrize("name", ["Zo\u00eb", "Zoe\u0308"], ids=["composed at eMoney", "decomposed at eMoney"])
def test_a_name_that_is_composed_on_one_side_and_decomposed_on_the_other_is_one(
    desk: Desk, office: EmoneyCaller, name: str
) -> None:
    theirs = office.add_client(firstName=name, lastName="Lee", dateOfBirth="1970-01-31", connected=False)
    ours = unicodedata.normalize("NFD" if name == "Zo\u00eb" else "NFC", name)
    desk.to_emoney(couple(firstName=ours))
    assert (desk.link("emoney").vendor_client_id, desk.link("emoney").matched_by) == (theirs, "MATCH-EXACT")
    assert the_client(desk)["client"]["firstName"] == ours


def test_a_connection_that_is_there_already_is_used(desk: Desk, office: EmoneyCaller) -> None:
    office.add_client(externalId="contact:1", firstName="Ann", lastName="Lee", dateOfBirth="1970-01-31")
    assert desk.to_emoney(couple()).outcome.outcome == "updated"
    assert desk.link("emoney").matched_by == "MATCH-STORED"
    assert desk.link("emoney").connection_id == the_client(desk)["connections"][0]["id"]
    assert len(the_client(desk)["connections"]) == 1


def test_twins_at_emoney_are_held_with_their_ids(desk: Desk, office: EmoneyCaller) -> None:
    twins = [office.add_client(firstName="Ann", lastName="Lee", dateOfBirth="1970-01-31") for _ in range(2)]
    held = desk.to_emoney(couple())
    assert held.outcome.outcome == "held"
    assert [one.rule_id for one in held.findings] == ["MATCH-AMBIGUOUS"]
    assert all(one in held.findings[0].detail for one in twins)


def test_a_namesake_with_another_birth_date_is_reported_and_left_alone(desk: Desk, office: EmoneyCaller) -> None:
    theirs = office.add_client(firstName="Ann", lastName="Lee", dateOfBirth="1999-09-09")
    created = desk.to_emoney(couple())
    assert created.outcome.outcome == "created"
    assert [(one.rule_id, theirs in one.detail) for one in created.findings] == [("MATCH-LAST-NAME", True)]


def test_a_client_that_is_another_units_is_no_candidate(desk: Desk) -> None:
    desk.to_emoney(couple("H1", 1))
    assert desk.to_emoney(couple("H2", 2)).outcome.outcome == "created"
    assert len(desk.vendors.clients()) == 2


def test_a_client_that_is_gone_is_held_and_never_made_again(desk: Desk) -> None:
    desk.to_emoney(couple())
    desk.vendors.emoney.reset()
    for _ in range(2):
        gone = desk.to_emoney(couple(cellPhone="new"))
        assert gone.outcome.outcome == "held"
        assert [one.rule_id for one in gone.findings] == ["MATCH-GONE"]
    assert desk.vendors.clients() == {}


def test_a_refused_client_is_held_with_the_field(desk: Desk) -> None:
    held = desk.to_emoney(couple(dateOfBirth="secret"))
    assert held.outcome.outcome == "held"
    assert held.outcome.reason is not None
    assert "dateOfBirth" in held.outcome.reason
    assert "secret" not in held.outcome.reason


def test_a_lone_client_who_becomes_head_keeps_the_client(desk: Desk) -> None:
    desk.to_emoney(couple("C7", 7))
    wanted = couple("H12", 7, spouse=8)
    assert desk.to_emoney(wanted, NEXT_DAY, dry_run=True).outcome.outcome == "updated"
    assert desk.link("emoney", "C7").vendor_client_id == the_client(desk, "contact:7")["id"]
    assert desk.to_emoney(wanted, NEXT_DAY).outcome.outcome == "updated"
    assert desk.link("emoney", "H12").vendor_client_id == the_client(desk, "contact:7")["id"]
    assert the_client(desk, "contact:7")["spouse"]["firstName"] == "Bea"


def test_older_data_never_overwrite_newer(desk: Desk) -> None:
    desk.to_emoney(couple(fax="new"), NEXT_DAY)
    assert desk.to_emoney(couple(fax="old"), DAY).outcome.outcome == "skipped"
    assert the_client(desk)["client"]["fax"] == "new"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(desk: Desk) -> None:
    assert desk.to_emoney(couple(spouse=2), dry_run=True).outcome.outcome == "created"
    assert desk.vendors.clients() == {}
    desk.to_emoney(couple())
    link, sent, writes = desk.link("emoney"), desk.sent("emoney"), desk.vendors.writes()
    would = desk.to_emoney(couple(spouse=2, fax="new"), NEXT_DAY, dry_run=True)
    assert would.outcome.outcome == "updated"
    assert ("fax", "written") in decided(would)
    assert ("spouse.firstName", "written") in decided(would)
    assert (desk.link("emoney"), desk.sent("emoney"), desk.vendors.writes()) == (link, sent, writes)


# --- faults -----------------------------------------------------------------------------------------------------

STEPS: dict[str, Json] = {
    "client": {"method": "POST", "path": CLIENTS},
    "spouse": {"method": "PUT", "path": f"{CLIENTS}/*/spouse"},
    "connection": {"method": "POST", "path": f"{CLIENTS}/*/connections"},
}
ONCE: list[Json] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "unavailable", "after_commit": True},
    {"kind": "html"},
    {"kind": "truncated"},
    {"kind": "error", "shape": "gateway"},
    {"kind": "error", "after_commit": True},
    {"kind": "too_many", "form": "none"},
    {"kind": "unauthorized", "revoke": True},
]
NAMES = ["-".join(str(value) for value in fault.values()) for fault in ONCE]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ONCE, ids=NAMES)
def test_a_step_that_goes_wrong_once_is_made_once(desk: Desk, step: str, fault: Json) -> None:
    desk.vendors.emoney.faults({**STEPS[step], "count": 1, **fault})
    assert desk.to_emoney(couple(spouse=2)).outcome.outcome == "created"
    made = the_client(desk)
    assert (made["spouse"]["firstName"], len(made["connections"])) == ("Bea", 1)
    assert intents.units_in_doubt(desk.ledger, "emoney") == set()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", [{"kind": "reset_after"}, {"kind": "unavailable"}], ids=["reset", "down"])
def test_a_step_that_always_goes_wrong_is_taken_up_by_the_next_run(desk: Desk, step: str, fault: Json) -> None:
    reads = {"kind": "unavailable", "method": "GET", "after": 2}
    desk.vendors.emoney.faults({**STEPS[step], **fault}, *([reads] if step == "client" else []))
    assert desk.to_emoney(couple(spouse=2)).outcome.outcome == "deferred"
    desk.vendors.emoney.faults()
    assert desk.to_emoney(couple(spouse=2)).outcome.outcome in ("created", "updated", "unchanged")
    made = the_client(desk)
    assert (made["spouse"]["firstName"], len(made["connections"])) == ("Bea", 1)
    assert intents.units_in_doubt(desk.ledger, "emoney") == set()


@pytest.mark.parametrize("fault", [{"kind": "drip", "every_seconds": 0.05}, {"kind": "reset_after"}])
def test_a_patch_whose_answer_is_lost_is_simply_sent_again(desk: Desk, fault: Json) -> None:
    desk.to_emoney(couple())
    desk.vendors.emoney.faults({"method": "PATCH", "count": 1, **fault})
    assert desk.to_emoney(couple(fax="new")).outcome.outcome == "updated"
    assert the_client(desk)["client"]["fax"] == "new"


def test_a_client_that_search_does_not_find_for_a_while_is_not_made_twice(desk: Desk) -> None:
    desk.vendors.emoney.faults(
        {"kind": "search_lag", "seconds": 0.25}, {**STEPS["client"], "kind": "reset_after", "count": 1}
    )
    assert desk.to_emoney(couple()).outcome.outcome == "created"
    assert len(desk.vendors.clients()) == 1


def test_a_write_whose_repetition_fails_is_still_in_doubt(desk: Desk) -> None:
    job = desk.job()
    answers = iter([InDoubt("no answer"), VendorUnavailable("down")])

    def send() -> None:
        raise next(answers)

    with pytest.raises(VendorUnavailable):
        attempt(job, begin(job, "emoney", couple(), "patch_client", {}), send, lambda _: None)
    assert desk.in_doubt("emoney") == ["patch_client"]


def test_a_head_that_changes_while_the_creation_is_in_doubt_waits_for_the_next_run(desk: Desk) -> None:
    reads = {"kind": "unavailable", "method": "GET", "after": 2}
    desk.vendors.emoney.faults({**STEPS["client"], "kind": "reset_after"}, reads)
    assert desk.to_emoney(couple(client=1)).outcome.outcome == "deferred"
    desk.vendors.emoney.faults()
    assert desk.to_emoney(couple(client=2)).outcome.outcome == "deferred"
    assert desk.link("emoney").client_contact_id == 1
    assert list(desk.vendors.clients()) == ["contact:1"]


def test_wrong_credentials_and_a_second_401_stop_the_vendor(desk: Desk) -> None:
    desk.emoney_key = "wrong"
    with pytest.raises(CredentialsRefused):
        desk.to_emoney(couple())
    desk.emoney_key = "sandbox-key"
    desk.vendors.emoney.faults({**STEPS["client"], "kind": "unauthorized"})
    with pytest.raises(CredentialsRefused):
        desk.to_emoney(couple())
    desk.vendors.emoney.faults()
    assert desk.to_emoney(couple()).outcome.outcome == "created"
    assert len(desk.vendors.clients()) == 1
