"""A divorce from the CRM to both vendors, through Airflow: held, confirmed by hand, left alone by later nights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.conftest import WorldMaker
from tests.end_to_end.crm import SECRETS
from tests.end_to_end.world import Night, World

# tests/pipelines/couples has the same without Airflow.
pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.xdist_group("terminal")]

WHY = "the clients told us"


@pytest.fixture(scope="module")
def world(make_world: WorldMaker) -> World:
    """The Castellans are at both vendors, and have parted in the CRM since."""
    made = make_world()
    made.night(unit_keys=["H1"])
    made.change_crm(
        "DELETE FROM household_member WHERE contact_id = 2",
        "DELETE FROM key_relation WHERE relation_id = 1",
        "UPDATE contact SET marital_status = 'Divorced' WHERE contact_id IN (1, 2)",
    )
    return made


@pytest.fixture(scope="module")
def held(world: World) -> Night:
    """The night after it."""
    return world.night(unit_keys=["H1"])


@pytest.fixture(scope="module")
def confirmed(world: World, held: Night) -> dict[str, Night]:
    return {
        vendor: world.by_hand(household_id=1, vendor=vendor, confirm_life_event=WHY)
        for vendor in ("profiles", "emoney")
    }


def marriage(world: World) -> tuple[Any, ...]:
    [client] = world.vendors["emoney"].state()["clients"]
    return client["client"]["maritalStatus"], client["client"].get("previousMarriages"), client["spouse"]


def cases(world: World) -> list[dict[str, Any]]:
    return [one for household in world.vendors["profiles"].state()["households"] for one in household["cases"]]


def test_a_night_holds_it_with_a_proposal_that_names_nobody(world: World, held: Night) -> None:
    assert held.status == 0
    assert world.outcomes(held) == {"profiles": {"H1": "held"}, "emoney": {"H1": "held"}}
    messages = [
        row["message"]
        for row in world.rows("SELECT message FROM finding_v WHERE run_id = ? AND rule_id = 'LIFE-EVENT'", held.run_id)
    ]
    assert len(messages) == 2
    assert all("Divorce: contact 2, the spouse last sent" in message for message in messages)
    assert [secret for secret in SECRETS if any(secret in message for message in messages)] == []
    page = (world.report(held) / "life_events.html").read_text()
    assert "Ottokar" in page
    assert "confirm_life_event" in page


def test_confirmed_by_hand_each_vendor_goes_its_way(world: World, confirmed: dict[str, Night]) -> None:
    assert {vendor: run.status for vendor, run in confirmed.items()} == {"profiles": 0, "emoney": 0}
    assert world.outcomes(confirmed["profiles"]) == {"profiles": {"H1": "created", "C2": "created"}}
    assert world.outcomes(confirmed["emoney"]) == {"emoney": {"H1": "updated"}}
    assert marriage(world) == ("Divorced", True, None)
    joint, hers, his = cases(world)
    assert (joint["version"], joint["document"]["clientB"]["firstName"]) == (1, "Ottokar")
    assert [one["document"]["clientB"] for one in (hers, his)] == [None, None]
    assert his["document"]["clientA"]["firstName"] == "Ottokar"
    events = world.rows("SELECT vendor, kind, reason, triggered_by FROM life_event ORDER BY vendor")
    assert [tuple(row.values()) for row in events] == [
        (vendor, "divorce", WHY, "the command line") for vendor in ("emoney", "profiles")
    ]


def test_the_next_night_leaves_it_so(world: World, confirmed: dict[str, Night]) -> None:
    before = {vendor: sandbox.writes() for vendor, sandbox in world.vendors.items()}
    night = world.night(unit_keys=["H1"])
    assert world.outcomes(night) == {"profiles": {"H1": "unchanged"}, "emoney": {"H1": "unchanged"}}
    assert {vendor: sandbox.writes() for vendor, sandbox in world.vendors.items()} == before
    assert marriage(world) == ("Divorced", True, None)
