"""Which family breaks which rule: fixed shares of the office, spread at random, small enough for every guard."""

from include.demo.breaks import Plot, Recipe
from include.demo.critical_plots import CRITICAL_PLOTS
from include.demo.dice import Dice
from include.demo.names import FORMULA_NAME, MARKUP_NAME
from include.demo.warning_plots import WARNING_PLOTS, blank_gender, give_spouse_a_household, untick_calculate

LEAST = 3  # households that break each rule in an office of full size
FULL_SIZE = 240  # households from which on each rule is broken so often
SMALL_SIZE = 80  # from which on each rule is broken once; a smaller office is clean
_SHARES = ((CRITICAL_PLOTS, 0.004), (WARNING_PLOTS, 0.008))  # of all households, for each rule


def plan_breaks(households: int, dice: Dice) -> dict[int, tuple[str, Recipe]]:
    """For each household that breaks a rule, by its number from 0: the family it needs, and the way it is broken."""
    chosen: list[tuple[str, Recipe]] = []
    for plots, share in _SHARES:
        for plot in plots:
            chosen += [plot.ways[turn % len(plot.ways)] for turn in range(_times(plot, households, share))]
    # a couple that is in the book twice makes two households out of one
    families = households - sum(recipe is give_spouse_a_household for _, recipe in chosen)
    return dict(zip(dice.sample(range(families), len(chosen)), chosen, strict=True))


def family_count(households: int, plan: dict[int, tuple[str, Recipe]]) -> int:
    """How many families make that number of households."""
    return households - sum(recipe is give_spouse_a_household for _, recipe in plan.values())


def special_names(plan: dict[int, tuple[str, Recipe]]) -> dict[int, tuple[str, str]]:
    """By number of family: the two clients whose names a careless page or spreadsheet would run.

    Where households break rules, theirs are two with a warning, so that they show on the worklist.
    """
    listed = {recipe: number for number, (_, recipe) in reversed(plan.items())}
    return {listed.get(blank_gender, 0): MARKUP_NAME, listed.get(untick_calculate, 1): FORMULA_NAME}


def _times(plot: Plot, households: int, share: float) -> int:
    if households < SMALL_SIZE:
        return 0
    if households < FULL_SIZE:
        return 1
    return max(LEAST, len(plot.ways), round(households * share))
