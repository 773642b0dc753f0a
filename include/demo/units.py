"""One unit of work after the other: a family with all it owns, in some office, served by some user."""

from itertools import cycle

from include.demo.breaks import Break, Recipe
from include.demo.desk import Desk, Family, Office
from include.demo.dice import weigh
from include.demo.families import SHAPES, make_contact_client, make_family
from include.demo.holdings import give_accounts
from include.demo.loans import give_loans
from include.demo.paperwork import give_paperwork, list_policy
from include.demo.policies import give_policies

_LONE_CLIENTS = 0.08  # contact clients without a household, per family
_ODD_EVERY = 16  # families: one in so many is served by a user who lacks a license
_MOST_MOVERS = 300  # families in the set of those who move to another office
_UNASSIGNED_EVERY = 13  # ... and one in so many by nobody
_SHAPE_OF_NEED = {"couple": "couple", "child": "couple", "single": "single"}


class Rota:
    """Whose client the next family is."""

    def __init__(self, desk: Desk, offices: list[Office]) -> None:
        self._dice = desk.dice
        self._offices = weigh(zip(offices, (50, 30, 20), strict=True))
        self._odd = cycle([(office, user) for office in offices for user in office.odd_users])

    def serve(self, number: int, is_broken: bool) -> tuple[Office, int | None]:
        """Office and user; broken families get a user with every right, so that nothing else keeps them back."""
        office = self._dice.pick(self._offices)
        if number % _UNASSIGNED_EVERY == 5:
            return office, None
        if number % _ODD_EVERY == 9 and not is_broken:
            return next(self._odd)
        return office, self._dice.pick(office.full_users)


def make_unit(
    desk: Desk, rota: Rota, number: int, break_in: tuple[str, Recipe] | None, name: tuple[str, str] | None = None
) -> list[Break]:
    """Make family `number`, its head of that first and last name, broken in that way; gives who breaks what."""
    dice = desk.dice
    need = break_in[0] if break_in else "any"
    office, user_id = rota.serve(number, break_in is not None)
    shape = _SHAPE_OF_NEED.get(need) or dice.pick(SHAPES)
    family = make_family(desk, office, user_id, shape, with_child=need == "child")
    family.is_plain = break_in is not None
    if name:
        assert family.household is not None
        family.head["first_name"], family.head["last_name"] = name
        family.household["name"] = name[0]
    _give_belongings(desk, family)
    for child in family.grown:
        _give_belongings(desk, Family(office, user_id, child))
    if user_id == office.retiring_user and user_id and not break_in and len(desk.movers) < _MOST_MOVERS:
        desk.movers.append(family)
    if dice.chance(_LONE_CLIENTS):
        _give_belongings(desk, make_contact_client(desk, office, user_id))
    return break_in[1](desk, family) if break_in else []


def _give_belongings(desk: Desk, family: Family) -> None:
    give_accounts(desk, family)
    give_loans(desk, family)
    give_policies(desk, family)
    for policy in family.policies:
        list_policy(desk, family, policy)
    give_paperwork(desk, family)
