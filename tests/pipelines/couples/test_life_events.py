"""Life events from the CRM to the vendors: held at night with a proposal, carried out by hand once confirmed."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest

from etl.load.job import ByHand
from etl.load.ledger import life_events
from include.pipelines.household import prepare
from include.pipelines.household.prepare import prepare_unit
from include.pipelines.household.tasks import read_ended, result_of
from include.pipelines.refresh.load import load_shard
from include.pipelines.refresh.report import report_run
from include.pipelines.refresh.validate import validate_vendor
from include.pipelines.run.context import HandRequest, RunContext
from tests.report.pages import read_page
from tests.run_book import Book, BookSnapshot, Ran, Restore, snapshot

NEXT, LATER = "2026-11-23", "2026-11-24"
NUMBERS = count(1)
VENDORS = ("profiles", "emoney")


def sync(book: Book, vendor: str, as_of: str = NEXT, household_id: int | None = 1, **asked: Any) -> Ran:
    """A whole run by hand."""
    contact_id, user = asked.pop("contact_id", None), asked.pop("requested_by", "amy")
    run_id, report = asked.pop("run_id", None), asked.pop("report", False)
    what = ByHand(asked_at=datetime.now(UTC).replace(tzinfo=None), lock_wait_seconds=2, **asked)
    context = book.context(
        as_of,
        run_id or f"by hand {next(NUMBERS)}",
        vendors=(vendor,),
        requested_by=user,
        triggered_by="ann",
        by_hand=HandRequest(None if contact_id else household_id, contact_id, what),
    )
    prepare_unit(context)
    load_shard(context, *context.request.vendors)
    report_run(context, files=report)
    return Ran(context, None)


def couple_of(number: int) -> tuple[int, int]:
    """Head and wife of a household."""
    return number * 100 + 1, number * 100 + 2


def ends_relation(book: Book, number: int = 1) -> None:
    """The wife is neither member nor relation any more."""
    book.crm.delete("household_member", contact_id=couple_of(number)[1])
    book.crm.delete("key_relation", relation_id=number)


def divorce(book: Book, number: int = 1) -> None:
    ends_relation(book, number)
    for contact_id in couple_of(number):
        book.crm.update("contact", {"contact_id": contact_id}, marital_status="Divorced")


def widowhood(book: Book, number: int) -> None:
    he, she = couple_of(number)
    book.crm.update("contact", {"contact_id": she}, is_deceased=True)
    book.crm.update("contact", {"contact_id": he}, marital_status="Widowed")


def new_spouse(book: Book, number: int) -> None:
    he, she = couple_of(number)
    ends_relation(book, number)
    book.crm.update("contact", {"contact_id": she}, marital_status="Divorced")
    book.person(7, first_name="Cid", marital_status="Married")
    book.member(number, 7, "Wife")
    book.tie(7, he, 7)


def new_head(book: Book, number: int = 1) -> None:
    """They have parted, and the household is hers."""
    he, she = couple_of(number)
    book.crm.delete("key_relation", relation_id=number)
    book.crm.update("household", {"household_id": number}, head_contact_id=she)
    book.crm.delete("household_member", contact_id=he)
    book.crm.update("household_member", {"contact_id": she}, role="Head")
    for contact_id in (he, she):
        book.crm.update("contact", {"contact_id": contact_id}, marital_status="Divorced")


def head_died(book: Book, number: int) -> None:
    """He has died, and she has become head."""
    he, she = couple_of(number)
    book.crm.update("contact", {"contact_id": he}, is_deceased=True)
    book.crm.update("household", {"household_id": number}, head_contact_id=she)
    book.crm.update("household_member", {"contact_id": she}, role="Head")
    book.crm.update("household_member", {"contact_id": he}, role="Husband")
    book.crm.update("contact", {"contact_id": she}, marital_status="Widowed")


# Household 1 divorces, 2 is widowed, and so on.
EVENTS: dict[str, Callable[[Book, int], None]] = {
    "divorce": divorce, "widowhood": widowhood, "new_spouse": new_spouse, "new_head": new_head, "head_died": head_died,
}  # fmt: skip

# eMoney: contact -> status, previous marriage, spouse; Profiles: Client A and B of the new case.
AT_EMONEY = {
    "divorce": {"contact:101": ("Divorced", True, None)},
    "widowhood": {"contact:201": ("Widowed", None, None)},
    "new_spouse": {"contact:301": ("Married", True, "Cid")},
    "new_head": {"contact:401": ("Divorced", True, None), "contact:402": ("Divorced", True, None)},
    "head_died": {"contact:501": ("Married", None, "First502"), "contact:502": ("Widowed", None, None)},
}
AT_PROFILES = {
    "divorce": ("First101", None),
    "widowhood": ("First201", None),
    "new_spouse": ("First301", "Cid"),
    "new_head": ("First402", None),
    "head_died": ("First502", None),
}
# The former partners who get a client and case of their own at Profiles in the same run.
ALONG: dict[str, list[str]] = {
    "divorce": ["C102"],
    "widowhood": [],
    "new_spouse": ["C302"],
    "new_head": ["C401"],
    "head_died": [],
}


NUMBERED = {event: number for number, event in enumerate(EVENTS, 1)}
ALL = tuple(f"H{number}" for number in NUMBERED.values())


def marriages(book: Book, number: int | None = None) -> dict[str, tuple[Any, ...]]:
    """Of all clients, or of those of one household."""
    of_one = {f"contact:{contact_id}" for contact_id in couple_of(number)} if number else None
    found = {}
    for key, one in book.vendors.clients().items():
        client, spouse = one["client"], one["spouse"]
        if of_one is None or key in of_one:
            found[key] = client["maritalStatus"], client.get("previousMarriages"), spouse and spouse["firstName"]
    return found


def households(book: Book) -> dict[str, Any]:
    """Profiles: household id -> its only case."""
    found = book.vendors.profiles.state()["households"]
    return {one["householdId"]: one["cases"][0] for one in found}


def people_writes(book: Book) -> dict[str, int]:
    """What was written of people: the feed goes every day."""
    return {call: number for call, number in book.vendors.writes().items() if "feeds" not in call}


@snapshot
def held_night(book: Book) -> None:
    """All households were sent by run-1, then each had its event, which run-2 has held."""
    for number in NUMBERED.values():
        book.couple(number)
    book.run()
    before, clients = people_writes(book), marriages(book)
    for event, number in NUMBERED.items():
        EVENTS[event](book, number)
    assert book.run(NEXT, unit_keys=ALL, report=True).stopped is None
    assert (people_writes(book), marriages(book)) == (before, clients)


@pytest.mark.parametrize("event", EVENTS)
def test_a_night_holds_it_at_both_vendors_with_a_proposal(held_night: BookSnapshot, event: str) -> None:
    unit_key = f"H{NUMBERED[event]}"
    ran = Ran(held_night.book.contexts[1], None)
    for vendor in VENDORS:
        assert ran.outcomes(vendor)[unit_key] == "held"
        assert "LIFE-EVENT" in ran.reason(vendor, unit_key)
        (finding,) = ran.rows("finding_v", vendor=vendor, rule_id="LIFE-EVENT", unit_key=unit_key)
        assert "Proposal: " in finding["message"]
        assert not [name for name in ("First", "Last", "Cid") if name in finding["message"]]
    page = read_page((ran.context.reports / "life_events.html").read_text())
    assert not page.misnested
    assert f"First{NUMBERED[event]}02" in page.words
    assert "Held" in page.words
    assert "life_events.html" in (ran.context.reports / "worklist.html").read_text()


def test_by_hand_an_unconfirmed_event_is_held_as_well(sent: Book) -> None:
    divorce(sent)
    held = [sync(sent, vendor).outcomes(vendor) for vendor in VENDORS]
    assert held == [{"H1": "held"}, {"H1": "held"}]


def confirmed_by_hand_it_goes(book: Book, event: str, report: bool) -> Ran:
    """Gives the run for eMoney; ``report``: with its pages."""
    number, unit_key = NUMBERED[event], f"H{NUMBERED[event]}"
    joint = book.links("profiles")[unit_key]["vendor_client_id"]
    before = households(book)
    asked = {"household_id": number, "life_event": "told on the phone"}
    ran = {vendor: sync(book, vendor, report=report, **asked) for vendor in VENDORS}
    assert ran["profiles"].outcomes("profiles") == dict.fromkeys([unit_key, *ALONG[event]], "created")
    assert marriages(book, number) == AT_EMONEY[event]
    assert households(book)[joint] == before[joint]
    new = book.links("profiles")[unit_key]["vendor_client_id"]
    assert new not in before
    assert len(households(book)) == len(before) + 1 + len(ALONG[event])
    document = households(book)[new]["document"]
    names = document["clientA"]["firstName"], document["clientB"] and document["clientB"]["firstName"]
    assert names == AT_PROFILES[event]
    for vendor in VENDORS:
        assert [row["status"] for row in ran[vendor].rows("finding_v", rule_id="LIFE-EVENT")] == ["mended"]
        (noted,) = life_events.read_events(ran[vendor].context.ledger, vendor, unit_key)
        assert (noted["kind"], noted["reason"]) == (event, "told on the phone")
        assert (noted["confirmed_by"], noted["triggered_by"]) == ("amy", "ann")
    return ran["emoney"]


def test_confirmed_by_hand_each_goes_and_later_nights_leave_it_so(held_night: BookSnapshot, restore: Restore) -> None:
    book = restore(held_night)
    *others, last = EVENTS
    for event in others:
        confirmed_by_hand_it_goes(book, event, report=False)
    ran = confirmed_by_hand_it_goes(book, last, report=True)
    page = read_page((ran.context.reports / "life_events.html").read_text()).words
    assert "Confirmed" in page
    assert "confirmed by amy (triggered by ann): told on the phone" in page
    writes, clients = people_writes(book), marriages(book)
    night = book.run(LATER, unit_keys=ALL)
    for unit_key in ALL:
        assert night.outcomes("profiles")[unit_key] == "unchanged"
        assert (unit_key, "LIFE-EVENT") not in night.findings("emoney")
    assert (people_writes(book), marriages(book)) == (writes, clients)


def test_a_marriage_is_no_event_and_goes_by_itself(book: Book) -> None:
    book.couple(1)
    ends_relation(book)
    book.crm.update("contact", {"contact_id": 101}, marital_status="Single")
    book.run(unit_keys=("H1",))
    book.member(1, 102, "Wife")
    book.tie(1, 101, 102)
    book.crm.update("contact", {"contact_id": 101}, marital_status="Married")
    for vendor in VENDORS:
        ran = sync(book, vendor, report=True)
        assert ran.outcomes(vendor) == {"H1": "updated"}
        assert not (ran.context.reports / "life_events.html").exists()
    assert marriages(book) == {"contact:101": ("Married", None, "First102")}
    (case,) = households(book).values()
    assert case["document"]["clientB"]["firstName"] == "First102"


def test_a_lone_client_who_marries_into_a_household_brings_the_client_along(book: Book) -> None:
    """The household's head is somebody else: held, and confirmed one client at eMoney, as of the couple."""
    book.person(102)
    for vendor, action in (("profiles", "create_client_and_case"), ("emoney", "auto")):
        sync(book, vendor, contact_id=102, action=action)
    single = {vendor: book.links(vendor)["C102"]["vendor_client_id"] for vendor in VENDORS}
    book.crm.delete("contact", contact_id=102)
    book.couple(1)
    book.set("profiles", enroll="linked")
    book.set("emoney", enroll="linked")
    night = book.run(NEXT)
    assert [night.outcomes(vendor) for vendor in VENDORS] == [{"H1": "held"}] * 2
    (finding,) = night.rows("finding_v", rule_id="LIFE-EVENT", vendor="emoney")
    assert finding["message"].startswith("New head: contact 101; contact 102 was last sent. The former head is the")
    ran = sync(book, "emoney", contact_id=102, life_event="they married")
    assert ran.outcomes("emoney") == {"H1": "updated"}
    assert marriages(book) == {"contact:101": ("Married", None, "First102")}
    assert book.links("emoney")["H1"]["vendor_client_id"] == single["emoney"]
    assert sync(book, "profiles", life_event="they married").outcomes("profiles") == {"H1": "created"}
    assert {single["profiles"]} < set(households(book))
    night = book.run(LATER)
    assert [night.outcomes(vendor) for vendor in VENDORS] == [{"H1": "unchanged"}] * 2


def test_a_head_who_died_is_held_until_there_is_another_head_also_when_confirmed(sent: Book) -> None:
    sent.crm.update("contact", {"contact_id": 101}, is_deceased=True)
    before = people_writes(sent)
    for vendor in VENDORS:
        ran = sync(sent, vendor, life_event="he died")
        assert ran.outcomes(vendor) == {"H1": "held"}
        assert {("H1", "LIFE-EVENT"), ("H1", "HH-DECEASED-HEAD")} <= ran.findings(vendor)
        (finding,) = ran.rows("finding_v", rule_id="LIFE-EVENT")
        assert "There is no new head yet" in finding["message"]
    assert people_writes(sent) == before


def test_one_run_at_profiles_gives_each_former_partner_a_client_and_case(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.couple(1)
    book.account(3, 102)
    book.run(vendors=("profiles",))
    (joint,) = households(book)
    was = households(book)[joint]
    divorce(book)
    checks: list[str] = []

    def check(context: RunContext, vendor: str) -> int:
        checks.append(vendor)
        return validate_vendor(context, vendor)

    monkeypatch.setattr(prepare, "validate_vendor", check)
    ran = sync(book, "profiles", life_event="they told us", report=True)
    assert checks == ["profiles"]
    assert ran.stopped is None
    assert ran.outcomes("profiles") == {"H1": "created", "C102": "created"}
    result = result_of("auto", read_ended(ran.context), [])
    assert json.loads(json.dumps(result, allow_nan=False)) == {
        "outcomes": {"H1": "created", "C102": "created"},
        "answers": {"H1": f"household {joint}, the couple's as it was, is left as it is"},
    }
    links = book.links("profiles")
    hers, his = (households(book)[links[key]["vendor_client_id"]]["document"] for key in ("C102", "H1"))
    assert [document["clientA"]["firstName"] for document in (hers, his)] == ["First102", "First101"]
    assert [[one["externalSourceId"] for one in document["assets"]] for document in (hers, his)] == [
        ["account:3"], ["account:1"],
    ]  # fmt: skip
    assert households(book)[joint] == was
    words = read_page((ran.context.reports / "life_events.html").read_text()).words
    assert "Contact 102 gets a client and case of its own in the same run, as C102." in words
    assert "Afterwards" not in words
    again = sync(book, "profiles", life_event="they told us")
    assert again.outcomes("profiles") == {"H1": "unchanged"}
    assert len(households(book)) == 3


def test_the_run_that_is_started_again_from_its_beginning_still_has_both(sent: Book) -> None:
    divorce(sent)
    first = sync(sent, "profiles", life_event="they told us")
    again = sync(sent, "profiles", life_event="they told us", run_id=first.context.request.run_id)
    assert again.stopped is None
    assert again.outcomes("profiles") == {"H1": "created", "C102": "created"}
    assert len(households(sent)) == 3


def test_a_failed_former_partner_is_reported_and_sent_on_second_confirmation(sent: Book) -> None:
    divorce(sent)
    sent.crm.update("contact", {"contact_id": 102}, birth_date=None)
    ran = sync(sent, "profiles", life_event="they told us", report=True)
    assert ran.outcomes("profiles") == {"H1": "created", "C102": "held"}
    conf = json.dumps({"contact_id": 102, "vendor": "profiles", "action": "create_client_and_case"})
    for page in ("life_events.html", "worklist.html"):
        assert conf in read_page((ran.context.reports / page).read_text()).words
    sent.crm.update("contact", {"contact_id": 102}, birth_date=date(1970, 5, 1))
    confirmed = [sync(sent, "profiles", life_event="they told us").outcomes("profiles") for _ in range(2)]
    assert confirmed == [{"H1": "unchanged", "C102": "created"}, {"H1": "unchanged"}]


def test_a_former_partner_who_stays_in_the_household_in_another_role_goes_along_and_every_night(sent: Book) -> None:
    divorce(sent)
    sent.member(1, 102, "Ex-Wife")
    night = sent.run(NEXT, unit_keys=("H1",), vendors=("profiles",))
    (finding,) = night.rows("finding_v", rule_id="LIFE-EVENT")
    assert "contact 102: C102, a unit of its own" in finding["message"]
    ran = sync(sent, "profiles", life_event="they told us")
    assert ran.outcomes("profiles") == {"H1": "created", "C102": "created"}
    sent.crm.update("contact", {"contact_id": 102}, job_title="Pilot")
    sent.set("profiles", enroll="linked")
    assert sent.run(LATER, vendors=("profiles",)).outcomes("profiles")["C102"] == "updated"


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_run_for_a_former_partner_is_given_with_its_configuration(sent: Book, vendor: str) -> None:
    divorce(sent)
    if vendor == "profiles":  # she is somebody's wife again
        sent.couple(2)
        sent.crm.update("household_member", {"contact_id": 202}, contact_id=102)
        sent.crm.delete("key_relation", relation_id=2)
        sent.crm.update("contact", {"contact_id": 102}, marital_status="Married")
    ran = sync(sent, vendor, life_event="they told us", report=True)
    assert set(ran.outcomes(vendor)) == {"H1"}
    action = {"action": "create_client_and_case"} if vendor == "profiles" else {}
    conf = json.dumps({"contact_id": 102, "vendor": vendor, **action})
    for page in ("life_events.html", "worklist.html"):
        assert conf in read_page((ran.context.reports / page).read_text()).words
    assert result_of("auto", [], [conf]) == {"then": [conf]}
    goes_as = "H2" if vendor == "profiles" else "C102"
    assert sync(sent, vendor, contact_id=102, **action, report=True).outcomes(vendor) == {goes_as: "created"}


def test_each_former_partner_gets_a_client_for_their_own_unit(sent: Book) -> None:
    divorce(sent)
    for vendor in VENDORS:
        sync(sent, vendor, life_event="they told us")
    assert sync(sent, "emoney", contact_id=102).outcomes("emoney") == {"C102": "created"}
    assert marriages(sent) == {
        "contact:101": ("Divorced", True, None),
        "contact:102": ("Divorced", True, None),
    }
    assert len(households(sent)) == 3


def test_a_former_head_waits_for_the_record_that_is_his_and_gets_it(sent: Book) -> None:
    """All units go, he is one of his own now: eMoney must not have him twice."""
    new_head(sent)
    night = sent.run(NEXT, full=True)
    assert night.outcomes("emoney") == {"H1": "held", "C101": "held"}
    assert night.outcomes("profiles") == {"H1": "held", "C101": "created"}
    assert list(sent.vendors.clients()) == ["contact:101"]
    by_hand = sync(sent, "emoney", contact_id=101)
    assert by_hand.outcomes("emoney") == {"C101": "held"}
    assert "client of H1's record" in by_hand.rows("finding_v", rule_id="LIFE-EVENT")[0]["message"]
    sync(sent, "emoney", life_event="they told us")
    assert sync(sent, "emoney", contact_id=101).outcomes("emoney") == {"C101": "unchanged"}
    assert marriages(sent) == {"contact:101": ("Divorced", True, None), "contact:102": ("Divorced", True, None)}


def test_the_proposal_names_records_without_a_clear_owner(book: Book) -> None:
    book.couple(1)
    book.crm.update("investment_account", {"account_id": 1}, account_type="Joint")
    book.crm.insert("policy_beneficiary", policy_id=1, contact_id=102)
    book.account(2, 101)
    book.account(3, 102)
    book.run(vendors=("profiles",))
    divorce(book)
    ran = book.run(NEXT, unit_keys=("H1",), vendors=("profiles",), report=True)
    (finding,) = ran.rows("finding_v", rule_id="LIFE-EVENT")
    assert "Without a clear owner: account 1, policy 1." in finding["message"]
    assert "contact 102: C102, a unit of its own" in finding["message"]
    page = read_page((ran.context.reports / "life_events.html").read_text()).words
    for words in ("Savings 3", "held jointly", "names contact 102 as beneficiary", "confirm_life_event"):
        assert words in page


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_confirmed_event_of_a_unit_that_breaks_another_rule_stays_open(sent: Book, vendor: str) -> None:
    divorce(sent)
    sent.crm.update("contact", {"contact_id": 101}, birth_date=None)
    writes = sent.vendors.writes()
    ran = sync(sent, vendor, life_event="they told us")
    assert ran.outcomes(vendor) == {"H1": "held"}
    assert {("H1", "LIFE-EVENT"), ("H1", "DEM-BIRTH-DATE")} <= ran.findings(vendor)
    assert {unit_key for unit_key, _ in ran.findings(vendor)} == {"H1"}
    assert sent.vendors.writes() == writes
    assert marriages(sent) == {"contact:101": ("Married", None, "First102")}


def test_a_confirmation_without_an_event_changes_nothing(sent: Book) -> None:
    before = sent.vendors.writes()
    assert sync(sent, "emoney", "2026-11-20", life_event="by mistake").outcomes("emoney") == {"H1": "unchanged"}
    assert sync(sent, "profiles", "2026-11-20", life_event="by mistake").outcomes("profiles") == {"H1": "unchanged"}
    assert sent.vendors.writes() == before
