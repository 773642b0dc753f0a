"""One household by hand, through Airflow: what is sent, and who is refused in words before anything is."""

from __future__ import annotations

import pytest

from tests.end_to_end.castellans import PROFILES_CASE
from tests.end_to_end.conftest import WorldMaker
from tests.end_to_end.world import World

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("household_sync")]


@pytest.fixture(scope="module")
def world(make_world: WorldMaker) -> World:
    return make_world()


def test_a_household_goes_to_profiles_as_the_night_would_send_it(world: World) -> None:
    run = world.by_hand(household_id=1, vendor="profiles", action="create_client_and_case")
    assert run.status == 0, run.output[-6000:]
    assert world.outcomes(run) == {"profiles": {"H1": "created"}}
    [household] = world.vendors["profiles"].state()["households"]
    assert household["cases"][0]["document"] == PROFILES_CASE
