"""What breaks a step over many units is narrowed down to those units, in a bounded number of tries."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import GateBroken, LedgerUnavailable, SettingsError, StagingError
from etl.narrowing import Narrowed, narrow


class Step:
    """A step that breaks over these units, and counts its tries."""

    def __init__(self, breaks_over: set[int]) -> None:
        self.breaks_over = breaks_over
        self.tries = 0

    def __call__(self, units: Sequence[int]) -> list[int]:
        self.tries += 1
        if self.breaks_over & set(units):
            raise KeyError("Quillfeather")
        return list(units)


def through(narrowed: Narrowed[int, list[int]]) -> list[int]:
    return sorted(unit for part in narrowed.results for unit in part)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=n - 1))))
def test_exactly_the_units_that_break_are_set_aside_and_every_other_one_goes(case: tuple[int, set[int]]) -> None:
    count, bad = case
    step = Step(bad)
    narrowed = narrow(range(count), step)
    assert set(narrowed.broken) == bad
    assert through(narrowed) == [unit for unit in range(count) if unit not in bad]
    assert step.tries <= 1 + 2 * len(bad) * math.ceil(math.log2(count) if count > 1 else 0)


def test_one_bad_unit_of_five_thousand_takes_some_twenty_tries() -> None:
    step = Step({4_321})
    assert set(narrow(range(5_000), step).broken) == {4_321}
    assert step.tries <= 27


def test_at_the_ceiling_what_is_still_broken_together_is_set_aside_together() -> None:
    step = Step(set(range(0, 1_000, 2)) - set(range(200)))
    narrowed = narrow(range(1_000), step, most_tries=50)
    assert step.tries == 50
    assert set(through(narrowed)) >= set(range(125))
    assert sorted([*narrowed.broken, *through(narrowed)]) == list(range(1_000))


def test_a_step_that_breaks_over_every_unit_is_not_the_units_fault() -> None:
    with pytest.raises(KeyError):
        narrow(range(8), Step(set(range(8))))
    assert set(narrow([7], Step({7})).broken) == {7}


@pytest.mark.parametrize(
    "error",
    [LedgerUnavailable("down"), SettingsError("wrong"), StagingError("gone"), OSError(28, "full"), MemoryError()],
)
def test_what_no_unit_is_to_blame_for_is_raised_at_once(error: Exception) -> None:
    tries = []

    def step(units: Sequence[int]) -> None:
        tries.append(units)
        raise error

    with pytest.raises(type(error)):
        narrow(range(8), step)
    assert len(tries) == 1


def test_a_check_that_cannot_run_over_one_unit_holds_back_that_unit_alone() -> None:
    def check(units: Sequence[int]) -> list[int]:
        if 3 in units:
            raise GateBroken("the check could not run")
        return list(units)

    assert set(narrow(range(8), check).broken) == {3}
