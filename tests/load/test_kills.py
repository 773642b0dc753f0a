"""A load that is killed at any instant and started again ends as if nothing had happened."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from etl.load.delivery import VendorDelivery
from etl.load.emoney.deliver import EmoneyDelivery
from etl.load.ledger import feeds, intents
from etl.load.profiles.deliver import ProfilesDelivery
from tests.load.delivering import DAY, NEXT_DAY, Desk, couple, deliver_group, household, item, line, make_desk
from tests.load.documents import asset, person
from tests.load.killing import boundaries, finish, run_and_kill, start
from tests.run_book import Vendors

Step = Callable[[Desk], None]


def hasty_desk(folder: Path, vendors: Vendors) -> Desk:
    """The sandboxes know at once what was sent to them."""
    desk = make_desk(folder, vendors)
    desk.logged_in = []
    desk.sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return desk


def profiles(as_of: date, **given: Any) -> Step:
    return lambda desk: _no_worse_than_deferred(desk.to_profiles(household(**given), as_of))


def emoney(as_of: date, items: list[dict[str, Any]], **given: Any) -> Step:
    """People, then the feed: what a run reads back first, and sends then."""

    def deliver(desk: Desk) -> None:
        _no_worse_than_deferred(desk.to_emoney(couple(**given), as_of))
        desk.settle(as_of)
        sent = desk.sent("emoney").get("items")
        if sent is None or sent.as_of < as_of:
            desk.feed(line("H1", desk.link("emoney").vendor_client_id, *items), as_of=as_of)

    return deliver


def _no_worse_than_deferred(delivered: Any) -> None:
    assert delivered.outcome.outcome in ("created", "updated", "unchanged"), delivered


@dataclass(frozen=True)
class Story:
    """What was there before, and the step that is killed."""

    before: tuple[Step, ...]
    step: Step


STORIES = {
    "a new household": Story((), profiles(DAY, spouse=2, assets=[asset(5)])),
    "a changed household": Story(
        (profiles(DAY, assets=[asset(5)]),),
        profiles(NEXT_DAY, assets=[asset(5, holdingsValue=7), asset(6)], clientA=person(fax="new")),
    ),
    "a new couple": Story((), emoney(DAY, [item()], spouse=2)),
    "a couple's night": Story(
        (emoney(DAY, [item(), item("account:6")]),),
        emoney(NEXT_DAY, [item(totalValue=7)], spouse=2, cellPhone="new"),
    ),
}


def fresh(folder: Path, vendors: Vendors, story: Story) -> None:
    """Everything as it was before the step."""
    folder.mkdir()
    vendors.reset()
    for step in story.before:
        step(hasty_desk(folder, vendors))


def what_vendors_hold(vendors: Vendors) -> Any:
    """Everything that does not depend on ids and the clock."""
    cases = {key: (one["name"], one["version"], one["document"]) for key, one in vendors.cases().items()}
    clients = {}
    for key, one in vendors.clients().items():
        connections = [(each["status"], each["lastAsOf"]) for each in one["connections"]]
        accounts = [{name: each[name] for name in each if name != "lastRefreshedAt"} for each in one["accounts"]]
        clients[key] = one["client"], one["spouse"], connections, accounts
    fed = [(one["status"], one["counts"]) for one in vendors.feeds()]
    return cases, clients, fed


def what_the_ledger_holds(desk: Desk) -> Any:
    known = []
    for vendor in ("profiles", "emoney"):
        assert intents.units_in_doubt(desk.ledger, vendor) == set()
        sent = {part: (one.payload_hash, one.base, one.as_of) for part, one in desk.sent(vendor).items()}
        known.append(sent)
    assert feeds.unresolved_feeds(desk.ledger) == []
    return known


@pytest.mark.parametrize("name", STORIES)
def test_killed_before_any_step_and_started_again_it_ends_the_same(name: str, tmp_path: Path, vendors: Vendors) -> None:
    story = STORIES[name]
    fresh(tmp_path / "undisturbed", vendors, story)
    desk = hasty_desk(tmp_path / "undisturbed", vendors)
    story.step(desk)
    expected = what_vendors_hold(vendors), what_the_ledger_holds(desk)
    for at_step in boundaries():
        folder = tmp_path / str(at_step)
        fresh(folder, vendors, story)
        was_killed = run_and_kill(lambda folder=folder: story.step(hasty_desk(folder, vendors)), at_step)
        desk = hasty_desk(folder, vendors)
        story.step(desk)
        held = what_vendors_hold(vendors)
        assert held == expected[0], f"killed before step {at_step}"
        assert _without_known_items(what_the_ledger_holds(desk)) == _without_known_items(expected[1])
        before = vendors.writes()
        story.step(desk)
        assert vendors.writes() == before, f"killed before step {at_step}"
        if not was_killed:
            break
    assert at_step > 5


def _without_known_items(known: Any) -> Any:
    """Of a feed that another process sent only the keys are known, not the values."""
    return [
        {
            part: (offered, sorted(base) if part == "items" else base, as_of)
            for part, (offered, base, as_of) in one.items()
        }
        for one in known
    ]


@pytest.mark.parametrize("name", ["a new household", "a new couple"])
def test_killed_again_and_again_it_still_ends_the_same(name: str, tmp_path: Path, vendors: Vendors) -> None:
    story = STORIES[name]
    fresh(tmp_path / "undisturbed", vendors, story)
    story.step(hasty_desk(tmp_path / "undisturbed", vendors))
    expected = what_vendors_hold(vendors)
    fresh(tmp_path / "killed", vendors, story)
    for at_step in (3, 5, 4, 6, 5, 7, 8):
        run_and_kill(lambda: story.step(hasty_desk(tmp_path / "killed", vendors)), at_step)
    story.step(hasty_desk(tmp_path / "killed", vendors))
    assert what_vendors_hold(vendors) == expected


GROUP = range(1, 7)


def deliver_six(vendor: str, desk: Desk) -> list[str]:
    """Six units side by side; how each ended."""
    if vendor == "profiles":
        named = {one: {"clientA": person(lastName=f"Lee{one}")} for one in GROUP}
        to: VendorDelivery = ProfilesDelivery(desk.profiles_client())
        payloads = [household(f"H{one}", 10 * one, spouse=10 * one + 1, **named[one]) for one in GROUP]
    else:
        to = EmoneyDelivery(desk.emoney_client())
        payloads = [couple(f"H{one}", 10 * one, spouse=10 * one + 1, lastName=f"Lee{one}") for one in GROUP]
    return [one.outcome.outcome for one in deliver_group(to, desk.job(), payloads)]


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_group_that_is_killed_before_any_step_is_made_once_by_the_next_run(
    vendor: str, tmp_path: Path, vendors: Vendors
) -> None:
    """Some writes have left without an answer, some answers are not confirmed: each is looked for before it is sent."""
    for at_step in boundaries(offset=2):
        folder = tmp_path / str(at_step)
        folder.mkdir()
        vendors.reset()
        hasty_desk(folder, vendors)
        was_killed = run_and_kill(lambda folder=folder: deliver_six(vendor, hasty_desk(folder, vendors)), at_step)
        desk = hasty_desk(folder, vendors)
        assert set(deliver_six(vendor, desk)) <= {"created", "updated", "unchanged"}
        made = vendors.cases() if vendor == "profiles" else vendors.clients()
        assert len(made) == len(GROUP), f"killed before step {at_step}"
        assert intents.units_in_doubt(desk.ledger, vendor) == set()
        assert deliver_six(vendor, desk) == ["unchanged"] * len(GROUP)
        if not was_killed:
            break
    assert at_step > 20


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_several_processes_that_deliver_one_household_make_it_once(
    vendor: str, tmp_path: Path, vendors: Vendors
) -> None:
    hasty_desk(tmp_path, vendors)

    def deliver() -> None:
        desk = hasty_desk(tmp_path, vendors)
        delivered = desk.to_profiles(household()) if vendor == "profiles" else desk.to_emoney(couple(spouse=2))
        assert delivered.outcome.outcome in ("created", "deferred", "unchanged")

    processes = [start(deliver) for _ in range(4)]
    assert [finish(process) for process in processes] == [0, 0, 0, 0]
    assert len(vendors.cases() if vendor == "profiles" else vendors.clients()) == 1
