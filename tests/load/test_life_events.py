"""A confirmed life event, by the vendors' own steps: each fixture is a couple as it was sent, and as it is now."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from etl.errors import ParamsError
from etl.load.emoney.deliver import EmoneyDelivery
from etl.load.job import ByHand, Delivered, Payload
from etl.load.ledger import intents, life_events, links, runs
from etl.load.ledger.life_events import LifeEvent
from etl.load.life_event import find_event
from etl.load.profiles.deliver import ProfilesDelivery
from etl.load.profiles.document import flatten
from tests.keys import vendor_keys
from tests.load.delivering import DAY, NEXT_DAY, Desk, couple, decided, deliver_one, emoney_spouse, household, make_desk
from tests.load.documents import person
from tests.load.killing import boundaries, run_and_kill
from tests.run_book import Vendors
from tests.sandbox.running import EmoneyCaller, private_key_of

Json = dict[str, Any]
CLIENTS = "/public/v1/clients"
# Who was sent as head and spouse, who is now, who has died.
COUPLES = {
    "divorce": ((1, 2), (1, None), set()),
    "widowhood": ((1, 2), (1, None), {2}),
    "another wife after a divorce": ((1, 2), (1, 3), set()),
    "another wife after a death": ((1, 2), (1, 3), {2}),
    "head and wife change places": ((1, 2), (2, 1), set()),
    "the wife becomes head after a divorce": ((1, 2), (2, None), set()),
    "the wife becomes head after a death": ((1, 2), (2, None), {1}),
    "a child becomes head": ((1, 2), (4, None), set()),
}
NAMES = {1: "Ann", 2: "Bea", 3: "Cid", 4: "Dot"}
Couple = tuple[int, int | None]


def event_of(fixture: str) -> LifeEvent:
    sent, now, died = COUPLES[fixture]
    event = find_event(sent, now, died)
    assert event is not None
    return event


def at_emoney(pair: Couple, **given: Any) -> Payload:
    client, spouse = pair
    partner = {"firstName": NAMES[spouse]} if spouse else {}
    return couple("H1", client, spouse, firstName=NAMES[client], partner=partner, **given)


def at_profiles(pair: Couple, **given: Any) -> Payload:
    client, spouse = pair
    people: Json = {"clientA": person(firstName=NAMES[client]), "clientB": None}
    if spouse:
        people["clientB"] = person(firstName=NAMES[spouse])
    return household("H1", client, spouse, **{**people, **given})


def confirm(desk: Desk, payload: Payload, event: LifeEvent | None, dry_run: bool = False, **asked: Any) -> Delivered:
    """A run by hand in which somebody has confirmed the event."""
    job = replace(desk.job(NEXT_DAY, dry_run), by_hand=ByHand(life_event="told by the client", **asked))
    payload = replace(payload, life_event=event)
    if "case_name" in payload.read():
        return deliver_one(ProfilesDelivery(desk.profiles_client()), job, payload)
    return deliver_one(EmoneyDelivery(desk.emoney_client()), job, payload)


def sent_and_confirmed(desk: Desk, fixture: str, **asked: Any) -> Delivered:
    sent, now, _ = COUPLES[fixture]
    assert desk.to_emoney(at_emoney(sent)).outcome.outcome == "created"
    return confirm(desk, at_emoney(now), event_of(fixture), **asked)


@pytest.fixture
def advisor(desk: Desk, tmp_path: Any) -> EmoneyCaller:
    """Somebody who works in eMoney's own screens."""
    (tmp_path / "private.pem").write_text(vendor_keys()[0])
    caller = EmoneyCaller(desk.vendors.emoney.url, private_key=private_key_of(tmp_path))
    caller.log_in()
    return caller


def told(found: Json) -> tuple[Any, ...]:
    """What a client at eMoney says of the marriage."""
    client = found["client"]
    spouse = found["spouse"]["firstName"] if found["spouse"] else None
    return client["firstName"], client["maritalStatus"], client.get("previousMarriages"), spouse


# --- what happened ------------------------------------------------------------------------------------------------

KINDS = {
    "divorce": "divorce",
    "widowhood": "widowhood",
    "another wife after a divorce": "new_spouse",
    "another wife after a death": "new_spouse",
    "head and wife change places": "new_head",
    "the wife becomes head after a divorce": "new_head",
    "the wife becomes head after a death": "head_died",
    "a child becomes head": "new_head",
}


@pytest.mark.parametrize("fixture", COUPLES)
def test_events_differ_by_who_was_sent_who_is_there_and_who_has_died(fixture: str) -> None:
    assert event_of(fixture).kind == KINDS[fixture]


@pytest.mark.parametrize(
    ("sent", "now"),
    [((1, 2), (1, 2)), ((1, None), (1, 2)), ((1, None), (1, None)), ((None, None), (1, 2)), ((1, 2), (None, None))],
    ids=["the same couple", "a marriage", "still single", "never sent", "no usable head"],
)
def test_no_event_where_nobody_went(sent: Any, now: Any) -> None:
    assert find_event(sent, now, set()) is None


def test_a_head_who_has_died_is_an_event_although_nobody_else_is_head_yet() -> None:
    event = find_event((1, 2), (1, 2), {1})
    assert event is not None
    assert event.kind == "head_died"


def test_who_is_widowed_by_the_crm_is_no_divorcee_although_nobody_knows_of_a_death() -> None:
    event = find_event((1, 2), (1, None), set(), is_widowed=True)
    assert event is not None
    assert (event.kind, event.status_left) == ("widowhood", "Widowed")


# --- eMoney -------------------------------------------------------------------------------------------------------


def test_a_divorce_takes_two_steps_the_status_first(desk: Desk) -> None:
    desk.to_emoney(at_emoney((1, 2)))
    before = desk.vendors.writes()
    delivered = confirm(desk, at_emoney((1, None)), event_of("divorce"))
    assert delivered.outcome.outcome == "updated"
    assert decided(delivered) == {
        ("maritalStatus", "written"),
        ("previousMarriages", "written"),
        ("spouse", "removed"),
    }
    now = desk.vendors.writes()
    assert {call: number - before.get(call, 0) for call, number in now.items() if number != before.get(call, 0)} == {
        "PATCH /public/v1/clients/{client_id}": 1,
        "DELETE /public/v1/clients/{client_id}/spouse": 1,
    }
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Divorced", True, None)
    assert desk.link("emoney").spouse_contact_id is None


AFTERWARDS = {
    "divorce": {"contact:1": ("Ann", "Divorced", True, None)},
    "widowhood": {"contact:1": ("Ann", "Widowed", None, None)},
    "another wife after a divorce": {"contact:1": ("Ann", "Married", True, "Cid")},
    "another wife after a death": {"contact:1": ("Ann", "Married", None, "Cid")},
    "head and wife change places": {"contact:2": ("Bea", "Married", None, "Ann")},
    "the wife becomes head after a divorce": {
        "contact:1": ("Ann", "Divorced", True, None),
        "contact:2": ("Bea", "Divorced", True, None),
    },
    "the wife becomes head after a death": {
        "contact:1": ("Ann", "Married", None, "Bea"),
        "contact:2": ("Bea", "Widowed", None, None),
    },
    "a child becomes head": {
        "contact:1": ("Ann", "Married", None, "Bea"),
        "contact:4": ("Dot", "Single", None, None),
    },
}


@pytest.mark.parametrize("fixture", COUPLES)
def test_each_event_ends_as_it_should_at_emoney_and_stays_so(desk: Desk, fixture: str) -> None:
    delivered = sent_and_confirmed(desk, fixture)
    assert delivered.outcome.outcome in ("created", "updated"), delivered
    assert {key: told(found) for key, found in desk.vendors.clients().items()} == AFTERWARDS[fixture]
    assert all(len(found["connections"]) == 1 for found in desk.vendors.clients().values())
    (_, _), (client, spouse), _ = COUPLES[fixture]
    link = desk.link("emoney")
    assert (link.client_contact_id, link.spouse_contact_id) == (client, spouse)
    before = desk.vendors.writes()
    assert desk.to_emoney(at_emoney((client, spouse)), NEXT_DAY).outcome.outcome == "unchanged"
    assert desk.vendors.writes() == before


@pytest.mark.parametrize("fixture", ["divorce", "widowhood", "the wife becomes head after a divorce"])
def test_later_nights_leave_the_status_and_write_other_fields(desk: Desk, fixture: str) -> None:
    sent_and_confirmed(desk, fixture)
    _, (client, _), _ = COUPLES[fixture]
    updated = desk.to_emoney(at_emoney((client, None), cellPhone="new"), NEXT_DAY)
    assert decided(updated) == {("cellPhone", "written")}
    assert {key: told(found) for key, found in desk.vendors.clients().items()} == AFTERWARDS[fixture]


def test_who_marries_again_later_goes_by_himself(desk: Desk) -> None:
    sent_and_confirmed(desk, "divorce")
    assert desk.to_emoney(at_emoney((1, 3)), NEXT_DAY).outcome.outcome == "updated"
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Married", True, "Cid")


def test_a_former_partner_who_gets_a_client_of_her_own_is_divorced_there_too(desk: Desk) -> None:
    sent_and_confirmed(desk, "divorce")
    assert desk.to_emoney(couple("C2", 2, firstName="Bea"), NEXT_DAY).outcome.outcome == "created"
    assert told(desk.vendors.clients()["contact:2"]) == ("Bea", "Divorced", True, None)


def test_a_client_of_her_own_that_was_there_before_is_looked_at_again(desk: Desk) -> None:
    desk.to_emoney(couple("C2", 2, firstName="Bea"))
    assert desk.sent("emoney", "C2")["client"].payload_hash
    sent_and_confirmed(desk, "divorce")
    assert desk.sent("emoney", "C2")["client"].payload_hash == ""
    updated = desk.to_emoney(couple("C2", 2, firstName="Bea"), NEXT_DAY)
    assert decided(updated) == {("maritalStatus", "written"), ("previousMarriages", "written")}
    assert told(desk.vendors.clients()["contact:2"]) == ("Bea", "Divorced", True, None)


def test_the_client_stays_the_former_heads_who_is_a_unit_of_his_own(desk: Desk) -> None:
    sent_and_confirmed(desk, "the wife becomes head after a divorce")
    mine = desk.vendors.clients()["contact:1"]["id"]
    assert desk.link("emoney", "C1").vendor_client_id == mine
    assert desk.link("emoney", "H1").vendor_client_id == desk.vendors.clients()["contact:2"]["id"]
    before = desk.vendors.writes()
    assert desk.to_emoney(couple("C1", 1), NEXT_DAY).outcome.outcome == "unchanged"
    assert desk.vendors.writes() == before


def test_the_client_of_a_head_who_died_is_nobodys_any_more(desk: Desk) -> None:
    sent_and_confirmed(desk, "the wife becomes head after a death")
    theirs = desk.vendors.clients()["contact:1"]["id"]
    assert set(links.others_linked(desk.ledger, "emoney", "H1", [theirs])) == {theirs}
    assert list(links.read_links(desk.ledger, "emoney")["unit_key"]) == ["H1"]


def test_who_confirmed_what_and_why_is_in_the_ledger(desk: Desk) -> None:
    sent_and_confirmed(desk, "divorce")
    (event,) = life_events.read_events(desk.ledger, "emoney", "H1")
    assert (event["kind"], event["client_sent"], event["spouse_sent"]) == ("divorce", 1, 2)
    assert (event["reason"], event["run_id"]) == ("told by the client", "run-2")


def test_a_dry_run_says_what_a_divorce_would_change_and_does_nothing(desk: Desk) -> None:
    desk.to_emoney(at_emoney((1, 2)))
    link, sent, writes = desk.link("emoney"), desk.sent("emoney"), desk.vendors.writes()
    would = confirm(desk, at_emoney((1, None)), event_of("divorce"), dry_run=True)
    assert would.outcome.outcome == "updated"
    assert ("spouse", "removed") in decided(would)
    assert (desk.link("emoney"), desk.sent("emoney"), desk.vendors.writes()) == (link, sent, writes)


@pytest.mark.parametrize("fixture", COUPLES)
def test_a_dry_run_of_any_event_writes_nothing(desk: Desk, fixture: str) -> None:
    sent, now, _ = COUPLES[fixture]
    desk.to_emoney(at_emoney(sent))
    writes, link = desk.vendors.writes(), desk.link("emoney")
    would = confirm(desk, at_emoney(now), event_of(fixture), dry_run=True)
    assert would.outcome.outcome in ("created", "updated")
    assert (desk.vendors.writes(), desk.link("emoney")) == (writes, link)
    assert life_events.read_events(desk.ledger, "emoney", "H1") == []


def test_a_spouse_whom_nobody_sent_is_not_deleted(desk: Desk, advisor: EmoneyCaller) -> None:
    desk.to_emoney(at_emoney((1, 2)))
    found = desk.vendors.clients()["contact:1"]
    stranger = {**emoney_spouse(9), "externalId": None, "firstName": "Zoe"}
    assert advisor("PUT", f"{CLIENTS}/{found['id']}/spouse", json=stranger).status_code == 200
    held = confirm(desk, at_emoney((1, None)), event_of("divorce"))
    assert held.outcome.outcome == "held"
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Married", None, "Zoe")


def test_what_an_advisor_has_done_already_is_not_done_again(desk: Desk, advisor: EmoneyCaller) -> None:
    desk.to_emoney(at_emoney((1, 2)))
    found = desk.vendors.clients()["contact:1"]
    wife = {**emoney_spouse(3), "externalId": None, "firstName": "Cid"}
    assert advisor("PUT", f"{CLIENTS}/{found['id']}/spouse", json=wife).status_code == 200
    assert confirm(desk, at_emoney((1, 3)), event_of("another wife after a divorce")).outcome.outcome == "updated"
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Married", True, "Cid")
    assert "DELETE /public/v1/clients/{client_id}/spouse" not in desk.vendors.writes()


def test_the_former_spouse_may_be_gone_from_emoney_already(desk: Desk, advisor: EmoneyCaller) -> None:
    desk.to_emoney(at_emoney((1, 2)))
    found = desk.vendors.clients()["contact:1"]
    assert advisor("DELETE", f"{CLIENTS}/{found['id']}/spouse").status_code == 200
    assert confirm(desk, at_emoney((1, None)), event_of("divorce")).outcome.outcome == "updated"
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Divorced", True, None)


def test_an_event_is_carried_out_with_update_yes_and_no(desk: Desk) -> None:
    sent_and_confirmed(desk, "another wife after a divorce", update=False)
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Married", True, "Cid")


def test_confirmed_twice_it_is_carried_out_once(desk: Desk) -> None:
    sent_and_confirmed(desk, "divorce")
    before = desk.vendors.writes()
    assert confirm(desk, at_emoney((1, None)), event_of("divorce")).outcome.outcome == "unchanged"
    assert desk.vendors.writes() == before


@pytest.mark.parametrize("step", ["PATCH", "DELETE"])
@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "unavailable"])
def test_a_step_that_goes_wrong_is_taken_up_again(desk: Desk, step: str, fault: str) -> None:
    desk.to_emoney(at_emoney((1, 2)))
    desk.vendors.emoney.faults({"method": step, "kind": fault})
    assert confirm(desk, at_emoney((1, None)), event_of("divorce")).outcome.outcome == "deferred"
    desk.vendors.emoney.faults()
    assert confirm(desk, at_emoney((1, None)), event_of("divorce")).outcome.outcome == "updated"
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Divorced", True, None)
    assert desk.in_doubt("emoney") == []


# --- Profiles -----------------------------------------------------------------------------------------------------


def cases(desk: Desk) -> dict[str, list[Json]]:
    """household id -> its cases."""
    return {one["householdId"]: one["cases"] for one in desk.vendors.profiles.state()["households"]}


@pytest.mark.parametrize("fixture", COUPLES)
def test_profiles_gets_a_new_client_and_case_and_the_joint_case_stays(desk: Desk, fixture: str) -> None:
    sent, now, _ = COUPLES[fixture]
    desk.to_profiles(at_profiles(sent))
    joint = desk.link("profiles").vendor_client_id
    before = cases(desk)[joint]
    created = confirm(desk, at_profiles(now), event_of(fixture))
    assert created.outcome.outcome == "created"
    assert joint in (created.outcome.reason or "")
    link = desk.link("profiles")
    assert link.vendor_client_id != joint
    assert (link.client_contact_id, link.spouse_contact_id) == now
    assert cases(desk)[joint] == before
    (new,) = cases(desk)[link.vendor_client_id]
    assert new["document"]["clientA"]["firstName"] == NAMES[now[0]]
    updated = desk.to_profiles(at_profiles(now, clientA=person(firstName=NAMES[now[0]], fax="new")), NEXT_DAY)
    assert (updated.outcome.outcome, updated.outcome.vendor_id) == ("updated", link.vendor_client_id)
    assert cases(desk)[joint] == before


def test_the_joint_case_is_never_linked_again(desk: Desk) -> None:
    desk.to_profiles(at_profiles((1, 2)))
    joint = desk.link("profiles").vendor_client_id
    confirm(desk, at_profiles((1, None)), event_of("divorce"))
    with desk.ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM link")
        connection.exec_driver_sql("DELETE FROM sent")
    again = desk.to_profiles(at_profiles((1, None)), NEXT_DAY)
    assert again.outcome.vendor_id not in (None, joint)


def test_a_single_file_that_an_advisor_has_made_already_is_taken(desk: Desk) -> None:
    desk.to_profiles(at_profiles((1, 2)))
    joint = desk.link("profiles").vendor_client_id
    log_in = {"username": "planbridge", "password": "sandbox"}
    token = desk.vendors.profiles("POST", "/api/auth/login", json=log_in).json()["token"]
    body = {"externalSourceId": None, "case": {"name": "Ann alone", "clientA": person(firstName="Ann")}}
    headers = {"Authorization": f"Bearer {token}"}
    made = desk.vendors.profiles("POST", "/api/households", json=body, headers=headers).json()["householdId"]
    assert confirm(desk, at_profiles((1, None)), event_of("divorce")).outcome.vendor_id == made
    assert desk.link("profiles").matched_by == "MATCH-EXACT"
    assert set(cases(desk)) == {joint, made}


@pytest.mark.parametrize("action", ["update_case", "create_case", "open_case"])
def test_at_profiles_a_confirmed_event_takes_a_new_client_and_nothing_else(desk: Desk, action: str) -> None:
    desk.to_profiles(at_profiles((1, 2)))
    before = desk.vendors.writes()
    with pytest.raises(ParamsError, match="new client and case"):
        confirm(desk, at_profiles((1, None)), event_of("divorce"), action=action)
    assert desk.vendors.writes() == before


def test_a_dry_run_names_the_case_that_would_stay(desk: Desk) -> None:
    desk.to_profiles(at_profiles((1, 2)))
    before, link = desk.vendors.writes(), desk.link("profiles")
    would = confirm(desk, at_profiles((1, None)), event_of("divorce"), dry_run=True)
    assert would.outcome.outcome == "created"
    assert link.vendor_client_id in (would.outcome.reason or "")
    assert (desk.vendors.writes(), desk.link("profiles")) == (before, link)


@pytest.mark.parametrize("vendor", ["emoney", "profiles"])
def test_a_run_that_read_the_crm_before_the_divorce_does_not_bring_her_back(desk: Desk, vendor: str) -> None:
    at, to = (at_emoney, desk.to_emoney) if vendor == "emoney" else (at_profiles, desk.to_profiles)
    to(at((1, 2)))
    runs.start_run(desk.ledger, "run-3", "weeknight_refresh", NEXT_DAY, None, False, {})
    confirm(desk, at((1, None)), event_of("divorce"))
    before = desk.vendors.writes()
    late = to(at((1, 2)), NEXT_DAY)
    assert (late.outcome.outcome, "life event" in (late.outcome.reason or "")) == ("deferred", True)
    assert desk.vendors.writes() == before


# --- killed -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """A couple that was sent, and the run that is killed."""

    before: Callable[[Desk], object]
    step: Callable[[Desk], object]


def story(vendor: str, fixture: str) -> Story:
    sent, now, _ = COUPLES[fixture]
    event = event_of(fixture)

    def again(desk: Desk) -> None:
        """As a run finds it: the event is told as long as the couple last sent is another."""
        payload = at_emoney(now) if vendor == "emoney" else at_profiles(now)
        link = links.find_link(desk.ledger, vendor, "H1")
        is_told = link is not None and (link.client_contact_id, link.spouse_contact_id) == sent
        ended = confirm(desk, payload, event if is_told else None).outcome
        assert ended.outcome in ("created", "updated", "unchanged"), ended

    if vendor == "emoney":
        return Story(lambda desk: desk.to_emoney(at_emoney(sent)), again)
    return Story(lambda desk: desk.to_profiles(at_profiles(sent)), again)


def hasty_desk(folder: Path, vendors: Vendors) -> Desk:
    desk = make_desk(folder, vendors)
    desk.logged_in = []
    desk.sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return desk


def held_by_all(desk: Desk, vendor: str) -> Any:
    """What the vendor and the ledger hold, without ids and times."""
    assert intents.units_in_doubt(desk.ledger, vendor) == set()
    linked = links.read_links(desk.ledger, vendor).sort_values("unit_key")
    couples = linked[["unit_key", "client_contact_id", "spouse_contact_id"]].astype(str).values.tolist()
    values = flatten if vendor == "profiles" else dict
    sent = {
        key: {part: (one.payload_hash, values(one.base), one.as_of) for part, one in desk.sent(vendor, key).items()}
        for key in linked["unit_key"]
    }
    if vendor == "emoney":
        clients = {
            key: (one["client"], one["spouse"], len(one["connections"])) for key, one in desk.vendors.clients().items()
        }
        return couples, sent, clients
    documents = [(case["name"], case["version"], case["document"]) for own in cases(desk).values() for case in own]
    return couples, sent, documents


@pytest.mark.parametrize(
    ("vendor", "fixture"),
    [
        ("emoney", "divorce"),
        ("emoney", "widowhood"),
        ("emoney", "another wife after a divorce"),
        ("emoney", "head and wife change places"),
        ("emoney", "the wife becomes head after a divorce"),
        ("emoney", "the wife becomes head after a death"),
        ("profiles", "divorce"),
    ],
)
def test_killed_before_any_step_and_confirmed_again_it_ends_the_same(
    vendor: str, fixture: str, tmp_path: Path, vendors: Vendors
) -> None:
    told_so = story(vendor, fixture)

    def fresh(folder: Path) -> None:
        folder.mkdir()
        vendors.reset()
        told_so.before(hasty_desk(folder, vendors))

    fresh(tmp_path / "undisturbed")
    desk = hasty_desk(tmp_path / "undisturbed", vendors)
    told_so.step(desk)
    expected = held_by_all(desk, vendor)
    for at_step in boundaries(offset=2):
        folder = tmp_path / str(at_step)
        fresh(folder)
        was_killed = run_and_kill(lambda folder=folder: told_so.step(hasty_desk(folder, vendors)), at_step)
        desk = hasty_desk(folder, vendors)
        told_so.step(desk)
        assert held_by_all(desk, vendor) == expected, f"killed before step {at_step}"
        events = [one["kind"] for one in life_events.read_events(desk.ledger, vendor, "H1")]
        assert events == [event_of(fixture).kind], f"killed before step {at_step}"
        before = vendors.writes()
        told_so.step(desk)
        assert vendors.writes() == before, f"killed before step {at_step}"
        if not was_killed:
            break
    assert at_step > 5


def test_a_night_after_a_killed_divorce_does_not_carry_on_with_it(tmp_path: Path, vendors: Vendors) -> None:
    """Until the last step the ledger has the couple as it was: the night finds the event, and holds the unit."""
    told_so = story("emoney", "divorce")
    told_so.before(hasty_desk(tmp_path, vendors))
    vendors.emoney.faults({"method": "DELETE", "kind": "unavailable"})
    assert confirm(hasty_desk(tmp_path, vendors), at_emoney((1, None)), event_of("divorce")).outcome.outcome == (
        "deferred"
    )
    vendors.emoney.faults()
    link = hasty_desk(tmp_path, vendors).link("emoney")
    found = find_event((link.client_contact_id, link.spouse_contact_id), (1, None), set())
    assert found is not None
    assert found.kind == "divorce"


def test_update_no_leaves_a_known_clients_people_and_makes_an_unknown_one(desk: Desk) -> None:
    job = replace(desk.job(DAY), by_hand=ByHand(update=False))
    assert deliver_one(EmoneyDelivery(desk.emoney_client()), job, at_emoney((1, 2))).outcome.outcome == "created"
    assert told(desk.vendors.clients()["contact:1"]) == ("Ann", "Married", None, "Bea")
    before = desk.vendors.writes()
    job = replace(desk.job(NEXT_DAY), by_hand=ByHand(update=False))
    left = deliver_one(EmoneyDelivery(desk.emoney_client()), job, at_emoney((1, 2), cellPhone="new"))
    assert (left.outcome.outcome, left.changes) == ("unchanged", ())
    assert "update no" in (left.outcome.reason or "")
    assert desk.vendors.writes() == before
    night = desk.to_emoney(at_emoney((1, 2), cellPhone="new"), NEXT_DAY)
    assert decided(night) == {("cellPhone", "written")}
