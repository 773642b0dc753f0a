"""Whom a run by hand is about (SCP-7), what it sends (SCP-5), and who is refused before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from etl.errors import StopRun
from etl.load.ledger.pins import Pin, read_pins
from include.pipelines.household.prepare import prepare_unit, read_unit
from include.pipelines.household.request import unreadable
from include.pipelines.refresh.plan import plan_and_extract
from include.pipelines.refresh.report import report_run
from include.pipelines.refresh.transform import transform_shard
from include.pipelines.run.context import or_mistaken, read_request
from include.runtime.acting import Actor, Triggered
from include.runtime.stops import Step
from include.runtime.task_boundary import EndedForGood, staged
from include.why.asking import ask
from tests.pipelines.household.by_hand import context_of, run_by_hand
from tests.run_book import LICENSES, Book, BookSnapshot, Ran, Restore, snapshot

NEW = "create_client_and_case"


def test_the_report_of_a_form_with_a_mistake_says_to_correct_it(book: Book) -> None:
    context = context_of(book, 99)
    with pytest.raises(EndedForGood):
        staged(Step("extract"), lambda: context, prepare_unit)
    with pytest.raises(StopRun):
        report_run(context)
    page = (context.reports / "worklist.html").read_text()
    assert "Correct the form and trigger it again." in page
    assert "Every household in scope" not in page


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_a_form_that_cannot_be_read_leaves_a_run_and_its_report(book: Book, is_by_hand: bool) -> None:
    asked = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    run = Triggered("run-1", "household_sync", {}, {"odd": 1}, asked.date(), asked, Actor("amy"))
    otherwise = unreadable(run)
    request = or_mistaken(lambda: read_request(run), otherwise)
    context = book.context(
        run_id="run-1",
        requested_by="amy",
        triggered_by="amy",
        mistake=request.mistake,
        by_hand=otherwise.by_hand if is_by_hand else None,
    )
    with pytest.raises(EndedForGood):
        staged(Step("extract"), lambda: context, prepare_unit if is_by_hand else plan_and_extract)
    with pytest.raises(StopRun, match="Unknown parameter odd"):
        report_run(context)
    (row,) = Ran(context, None).rows("run_v")
    assert (row["status"], row["requested_by"], row["triggered_by"]) == ("failed", "amy", "amy")
    assert "Unknown parameter odd" in (context.reports / "worklist.html").read_text()


def refused(book: Book, **asked: Any) -> str:
    """The words with which a run is refused; nothing was called at the vendors."""
    before = book.vendors.calls()
    ran = run_by_hand(book, **asked)
    assert ran.stopped is not None
    assert book.vendors.calls() == before
    assert [row["status"] for row in ran.rows("run_v")] == ["failed"]
    assert ran.rows("outcome_v") == []
    return str(ran.stopped)


@snapshot
def office(book: Book) -> None:
    """H1: head 101, wife 102. H2: head 201. 7 is a client alone."""
    book.couple(1)
    book.couple(2)
    book.person(7)
    assert book.context().ledger


class TestLaunch:
    @pytest.fixture
    def book(self, office: BookSnapshot, restore: Restore) -> Book:
        return restore(office)

    @pytest.mark.parametrize("contact_id", [101, 102])
    def test_from_head_or_spouse_is_a_run_of_the_household(self, book: Book, contact_id: int) -> None:
        assert read_unit(context_of(book, contact_id=contact_id)) == "H1"

    def test_from_a_lone_client_is_a_unit_of_its_own(self, book: Book) -> None:
        assert read_unit(context_of(book, contact_id=7)) == "C7"

    @pytest.mark.parametrize("contact_type", ["Client", "Lead", None])
    def test_from_a_grown_up_child_is_a_unit_of_its_own(self, book: Book, contact_type: str | None) -> None:
        book.person(105, contact_type=contact_type)
        book.member(1, 105, "Son")
        assert read_unit(context_of(book, contact_id=105)) == "C105"
        assert run_by_hand(book, contact_id=105, action=NEW).outcomes("profiles") == {"C105": "created"}

    def test_a_grown_up_child_who_was_linked_is_refreshed_every_night(self, book: Book) -> None:
        book.person(105)
        book.member(1, 105, "Son")
        book.account(5, 105)
        for vendor, action in (("profiles", NEW), ("emoney", "auto")):
            book.set(vendor, enroll="linked")
            run_by_hand(book, contact_id=105, vendor=vendor, action=action)
        book.crm.update("contact", {"contact_id": 105}, job_title="Pilot")
        ran = book.run("2026-11-23")
        assert (ran.outcomes("profiles"), ran.outcomes("emoney")) == ({"C105": "updated"}, {"C105": "updated"})
        assert len(book.vendors.feeds()) == 2
        # As a husband he is one of the household's couple, and so is the record.
        book.crm.update("household_member", {"contact_id": 105}, role="Husband")
        assert book.run("2026-11-24", vendors=("profiles",)).outcomes("profiles") == {"H1": "held"}
        assert set(book.links("profiles")) == {"H1"}

    def test_from_a_spouse_by_relation_alone_is_a_run_of_the_household(self, book: Book) -> None:
        book.person(106)
        book.tie(50, 106, 201, "domestic partner ")
        assert read_unit(context_of(book, contact_id=106)) == "H2"

    @pytest.mark.parametrize(("kind", "relation"), [("Family", "Ex-Wife"), ("Business", "Partner"), ("Family", "Son")])
    def test_another_relation_makes_no_spouse(self, book: Book, kind: str, relation: str) -> None:
        book.person(106)
        book.crm.insert(
            "key_relation", relation_id=50, contact_id=106, related_contact_id=201, relation_type=kind,
            relation=relation,
        )  # fmt: skip
        assert read_unit(context_of(book, contact_id=106)) == "C106"

    def test_the_primary_household_comes_before_the_older_one(self, book: Book) -> None:
        book.crm.insert("household_member", household_id=1, contact_id=201, role="Spouse", is_primary=False)
        assert read_unit(context_of(book, contact_id=201)) == "H2"

    def test_of_two_primary_households_the_older_one_counts(self, book: Book) -> None:
        book.member(1, 201, "Spouse")
        assert read_unit(context_of(book, contact_id=201)) == "H1"

    def test_a_deleted_household_is_refused(self, book: Book) -> None:
        book.crm.update("household", {"household_id": 2}, deleted_at=datetime(2026, 1, 1))
        assert read_unit(context_of(book, contact_id=201)) == "C201"

    def test_a_later_household_takes_the_link_over(self, book: Book) -> None:
        run_by_hand(book, contact_id=7, action=NEW)
        link = book.links("profiles")["C7"]
        book.crm.insert("household", household_id=3, name="Later", head_contact_id=7)
        book.member(3, 7, "Head")
        assert run_by_hand(book, contact_id=7).outcomes("profiles") == {"H3": "unchanged"}
        assert set(book.links("profiles")) == {"H3"}
        assert book.links("profiles")["H3"]["vendor_client_id"] == link["vendor_client_id"]
        assert len(book.vendors.profiles.state()["households"]) == 1

    def test_the_link_of_a_deleted_household_follows_its_head(self, book: Book) -> None:
        book.crm.delete("key_relation", relation_id=2)
        book.crm.delete("household_member", contact_id=202)
        book.crm.update("contact", {"contact_id": 201}, marital_status="Single")
        for vendor, action in (("profiles", NEW), ("emoney", "auto")):
            run_by_hand(book, 2, vendor=vendor, action=action)
        before = {vendor: book.links(vendor)["H2"]["vendor_client_id"] for vendor in ("profiles", "emoney")}
        book.crm.update("household", {"household_id": 2}, deleted_at=datetime(2026, 11, 2))
        book.set("profiles", enroll="linked")
        assert run_by_hand(book, contact_id=201, vendor="emoney").outcomes("emoney") == {"C201": "unchanged"}
        assert "C201" in book.run("2026-11-23", vendors=("profiles",)).outcomes("profiles")
        book.crm.insert("household", household_id=9, name="Again", head_contact_id=201)
        book.member(9, 201, "Head")
        for vendor in ("profiles", "emoney"):
            run_by_hand(book, 9, vendor=vendor)
            assert {key: row["vendor_client_id"] for key, row in book.links(vendor).items()} == {"H9": before[vendor]}


class TestPayload:
    """What goes by hand is, byte for byte, what the night would have sent."""

    @pytest.fixture(autouse=True)
    def _office(self, book: Book) -> None:
        for number in (1, 2, 3):
            book.couple(number)
        book.person(7)
        book.member(2, 7, "Daughter")
        # The wife of H1's head is tied to another head: they are a couple twice (HH-COUPLE-TWICE).
        book.tie(90, 102, 301)
        book.person(8)
        book.person(9)
        book.tie(91, 8, 9)  # a couple in no household: each is a unit

    @pytest.mark.parametrize("vendor", ["profiles", "emoney"])
    def test_documents_facts_and_digests_are_those_of_the_night(self, book: Book, vendor: str) -> None:
        night = book.context(vendors=(vendor,), dry_run=True)
        for number in plan_and_extract(night):
            transform_shard(night, number)
        staged = night.staging.read(f"{vendor}/00000")
        digests = night.staging.read("plan/scope")["units"].set_index("unit_key")["digest"]
        for unit_key in digests.index:
            hand = context_of(book, **_asked(unit_key), vendor=vendor, dry_run=True)
            assert read_unit(hand) == unit_key
            transform_shard(hand, 0)
            mine = hand.staging.read(f"{vendor}/00000")
            for name in ("documents", "heads", "users", *(name for name in staged if name.startswith("facts_"))):
                theirs = staged[name][staged[name]["unit_key"] == unit_key].reset_index(drop=True)
                pd.testing.assert_frame_equal(mine[name], theirs, check_dtype=len(theirs) > 0)
            assert hand.staging.read("plan/scope")["units"]["digest"].tolist() == [digests[unit_key]]

    def test_the_next_night_has_nothing_to_do_for_a_household_sent_by_hand(self, book: Book) -> None:
        book.run(vendors=("profiles",))
        book.crm.later(days=1)
        book.crm.update("contact", {"contact_id": 101}, job_title="Keeper")
        assert run_by_hand(book, 1).outcomes("profiles") == {"H1": "updated"}
        writes = book.vendors.writes()
        assert book.run("2026-11-21", vendors=("profiles",)).outcomes("profiles")["H1"] == "unchanged"
        assert book.vendors.writes() == writes

    def test_the_watermark_of_the_night_does_not_move(self, book: Book) -> None:
        book.run(vendors=("profiles",))
        book.crm.later(days=1)
        book.crm.update("contact", {"contact_id": 101}, job_title="Keeper")
        book.crm.update("contact", {"contact_id": 201}, job_title="Keeper")
        book.crm.later(days=1)
        book.crm.update("contact", {"contact_id": 301}, job_title="Keeper")
        run_by_hand(book, 3)
        found = book.run("2026-11-23", vendors=("profiles",)).outcomes("profiles")
        assert [found[key] for key in ("H1", "H2", "H3")] == ["updated", "updated", "unchanged"]

    def test_a_unit_that_is_not_enrolled_goes_by_hand(self, book: Book) -> None:
        book.set("profiles", enroll="linked")
        assert run_by_hand(book, 1, action=NEW).outcomes("profiles") == {"H1": "created"}


class TestRefusals:
    @pytest.fixture
    def book(self, office: BookSnapshot, restore: Restore) -> Book:
        return restore(office)

    def test_an_unknown_household(self, book: Book) -> None:
        assert refused(book, household_id=404) == "The CRM has no household 404."

    def test_an_unknown_contact(self, book: Book) -> None:
        assert refused(book, contact_id=404) == "The CRM has no contact 404."

    def test_a_deleted_household(self, book: Book) -> None:
        book.crm.update("household", {"household_id": 2}, deleted_at=datetime(2026, 1, 1))
        assert "Household 2 is deleted" in refused(book, household_id=2)

    def test_a_deleted_contact(self, book: Book) -> None:
        book.crm.update("contact", {"contact_id": 201}, deleted_at=datetime(2026, 1, 1))
        assert "Contact 201 is deleted" in refused(book, contact_id=201)

    @pytest.mark.parametrize(
        ("record_type", "subsystem_type", "words"),
        [
            ("Business", "Business", "is a business"),
            ("Contact", "Advisor", "is an advisor"),
            ("Business", "Agency", "is an agency"),
            ("Business", "carrier ", "is a"),
        ],
    )
    def test_a_record_that_is_no_person(self, book: Book, record_type: str, subsystem_type: str, words: str) -> None:
        book.person(9, record_type=record_type, subsystem_type=subsystem_type)
        assert words in refused(book, contact_id=9)

    def test_a_vendor_that_is_not_configured(self, book: Book) -> None:
        book.connections["profiles"] = None
        assert "connection `profiles` is missing" in refused(book, household_id=1)

    def test_an_unknown_user(self, book: Book) -> None:
        assert refused(book, household_id=1, user_name="zoe") == (
            "“In the name of” (requested_by): the CRM has no user of that name."
        )

    def test_a_user_without_the_license_which_is_named(self, book: Book) -> None:
        book.crm.insert("crm_user", user_id=2, user_name="bob", status="Enabled")
        book.crm.insert("user_right", user_id=2, right_name="eMoney")
        said = refused(book, household_id=1, user_name="bob")
        assert "bob lacks Profiles Professional - Web (LIC-PROFILES)" in said

    def test_a_user_whose_account_is_closed(self, book: Book) -> None:
        book.crm.insert("crm_user", user_id=2, user_name="bob", status="Disabled")
        for right in LICENSES:
            book.crm.insert("user_right", user_id=2, right_name=right)
        assert "bob lacks Enabled (LIC-ENABLED)" in refused(book, household_id=1, user_name="bob")

    def test_a_record_of_another_household(self, book: Book) -> None:
        run_by_hand(book, 2, action=NEW)
        link = book.links("profiles")["H2"]
        for name, theirs in (
            ("case_id", link["vendor_case_id"]),
            ("vendor_household_id", link["vendor_client_id"]),
        ):
            said = refused(book, household_id=1, action="update_case", **{name: theirs})
            assert f"{theirs} belongs to H2" in said, name


class TestLicenses:
    """The unit runs in the name of the user who was named, else of the one the client is assigned to."""

    @pytest.fixture(autouse=True)
    def _office(self, book: Book) -> None:
        book.couple(1)
        book.crm.insert("crm_user", user_id=2, user_name="bob", status="Enabled")
        book.crm.insert("user_right", user_id=2, right_name="eMoney")

    def test_without_a_name_it_is_as_at_night(self, book: Book) -> None:
        book.crm.update("contact", {"contact_id": 101}, assigned_user_id=2)
        ran = run_by_hand(book, 1, action=NEW)
        assert ran.outcomes("profiles") == {"H1": "skipped"}
        assert "LIC-PROFILES: bob lacks" in ran.reason("profiles", "H1")

    def test_a_user_with_the_right_may_run_for_another(self, book: Book) -> None:
        book.crm.update("contact", {"contact_id": 101}, assigned_user_id=2)
        assert run_by_hand(book, 1, action=NEW, user_name="service").outcomes("profiles") == {"H1": "created"}

    def test_an_acting_user_without_the_license_is_refused_although_the_assigned_user_has_it(self, book: Book) -> None:
        said = str(run_by_hand(book, 1, action=NEW, triggered_by="bob", user_name="bob").stopped)
        assert "bob lacks Profiles Professional - Web (LIC-PROFILES)" in said

    def test_a_person_who_is_no_user_of_the_crm_is_refused_with_the_way_out(self, book: Book) -> None:
        said = str(run_by_hand(book, 1, action=NEW, triggered_by="admin", user_name="admin").stopped)
        assert "admin has triggered the run and is no user of the CRM (LIC-ACTING)" in said
        assert (
            "Name one in “In the name of” (requested_by); for that admin has to be in "
            "PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS" in said
        )

    def test_no_link_is_ended_or_made_before_the_user_is_known(self, book: Book) -> None:
        assert run_by_hand(book, 1, action=NEW).outcomes("profiles") == {"H1": "created"}
        before = book.links("profiles")
        said = str(run_by_hand(book, 1, triggered_by="admin", user_name="admin", unlink="a mistake").stopped)
        assert "admin has triggered the run and is no user of the CRM (LIC-ACTING)" in said
        assert book.links("profiles") == before

    def test_a_person_who_may_act_for_others_and_names_no_user_acts_for_the_assigned_user(self, book: Book) -> None:
        admin = {"triggered_by": "admin", "user_name": "admin", "may_act_for_others": True}
        book.crm.update("contact", {"contact_id": 101}, assigned_user_id=None)
        said = str(run_by_hand(book, 1, action=NEW, **admin).stopped)
        assert (
            said == "H1 is assigned to nobody: fill in “In the name of” (requested_by), the user in whose name it goes."
        )
        book.crm.update("contact", {"contact_id": 101}, assigned_user_id=2)
        assert "LIC-PROFILES: bob lacks" in run_by_hand(book, 1, action=NEW, **admin).reason("profiles", "H1")

    def test_the_ledger_has_the_triggering_user_and_the_named_user(self, book: Book) -> None:
        pinned = (Pin("clientA.homePhone", "profiles", "hers"),)
        both = {"triggered_by": "admin", "requested_by": "service", "user_name": "service"}
        ran = run_by_hand(book, 1, action=NEW, pins=pinned, **both, report=True)
        assert [(row["requested_by"], row["triggered_by"]) for row in ran.rows("run_v")] == [("service", "admin")]
        [pin] = read_pins(book.context().ledger).to_dict("records")
        assert (pin["pinned_by"], pin["triggered_by"]) == ("service", "admin")
        for page in ("worklist.html", "why.html"):
            assert "service (triggered by admin)" in (ran.context.reports / page).read_text(), page
        [told] = ask(ran.context.ledger, "H1", "clientA.firstName", "profiles", None)
        assert [answer.by for answer in told.answers] == ["service (triggered by admin)"]

    def test_at_emoney_a_user_sends_what_the_licenses_allow(self, book: Book) -> None:
        assert run_by_hand(book, 1, vendor="emoney", user_name="bob").outcomes("emoney") == {"H1": "created"}
        [client] = book.vendors.clients().values()
        assert client["accounts"] == []
        book.crm.insert("user_right", user_id=2, right_name="Investment Tracking")
        run_by_hand(book, 1, vendor="emoney", user_name="bob")
        [client] = book.vendors.clients().values()
        assert [one["sourceKey"] for one in client["accounts"]] == ["account:1"]


def _asked(unit_key: str) -> dict[str, int]:
    return {"household_id" if unit_key[0] == "H" else "contact_id": int(unit_key[1:])}
