"""Build the demo office: plan the defects, make families chunk by chunk, write each chunk, list the broken rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from pathlib import Path

from sqlalchemy import Engine

from include.demo.accounts import give_accounts
from include.demo.database import DemoError, connect, loading, parse_url, prepare
from include.demo.defects import Break, Defect, count_families, plan_defects, plant, special_names, write_breaks
from include.demo.draft import Draft, Family, Office, Rng, weigh
from include.demo.families import SHAPES, make_contact_client, make_family
from include.demo.loans import give_loans
from include.demo.moving import arrange_move
from include.demo.names import draw_names
from include.demo.office import RECEIVING_OFFICE, open_offices
from include.demo.paperwork import give_paperwork
from include.demo.policies import give_policies

TODAY = date(2026, 11, 20)  # the demo's own day: never the clock's
SEED = 7
_CHUNK = 200  # families: small enough to stay in the processor's cache, large enough for bulk inserts
_LONE_CLIENTS = 0.08  # clients without a household, per family
_ODD_EVERY = 16  # families: one in so many is served by a user who lacks a license
_UNASSIGNED_EVERY = 13  # ... and one in so many by nobody
_MOST_MOVERS = 300  # families in the set of those who move to another office
_SHAPE_OF_NEED = {"couple": "couple", "child": "couple", "single": "single"}


@dataclass(frozen=True)
class Summary:
    """What was made: rows by table, where the list of broken rules lies, and how many entries it has."""

    counts: dict[str, int]
    breaks_path: Path
    breaks: int


def breaks_path_for(url: str) -> Path:
    """`<database>.breaks.json`: beside a SQLite file, in the working directory for PostgreSQL."""
    parsed = parse_url(url)
    name = Path(parsed.database or "")
    return Path(f"{name if parsed.get_backend_name() == 'sqlite' else name.name}.breaks.json")


def build_office(
    url: str,
    households: int = 400,
    seed: int = SEED,
    today: date = TODAY,
    *,
    overwrite: bool = False,
    clean: bool = False,
    breaks_path: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Summary:
    """Fill the empty database at `url` with an office of that many households; the same arguments, the same content.

    `clean` plants no defects. `on_progress` is called with the number of families made so far.
    Raises `DemoError` when the database cannot be reached, or is not empty and `overwrite` is not set.
    """
    if households < 1:
        raise DemoError("An office has at least one household.")
    path = breaks_path or breaks_path_for(url)
    engine = connect(url)
    try:
        prepare(engine, overwrite)
        counts, breaks = _fill(engine, households, seed, today, clean, on_progress)
    finally:
        engine.dispose()
    write_breaks(path, breaks)
    return Summary(dict(counts), path, len(breaks))


def _fill(
    engine: Engine, households: int, seed: int, today: date, clean: bool, on_progress: Callable[[int], None] | None
) -> tuple[Counter[str], list[Break]]:
    rng = Rng(seed)
    draft = Draft(rng, draw_names(seed), today, native_nan=engine.dialect.name == "postgresql")
    plan = {} if clean else plan_defects(households, rng)
    names = special_names(plan)
    offices = open_offices(draft)
    maker = _FamilyMaker(offices)
    families = count_families(households, plan.values())
    counts: Counter[str] = Counter()
    breaks: list[Break] = []
    with loading(engine) as write:
        for number in range(families):
            breaks += maker.make(number, plan.get(number), names.get(number))
            is_last = number == families - 1
            if is_last:
                arrange_move(maker.movers, offices[0], offices[RECEIVING_OFFICE])
            if is_last or number % _CHUNK == _CHUNK - 1:
                chunk = draft.take()
                counts.update({name: len(rows) for name, rows in chunk.items()})
                write(chunk)
                if on_progress:
                    on_progress(number + 1)
    return counts, breaks


class _FamilyMaker:
    """Makes one family after the other, with all it owns, in an office, served by a user; collects those who move."""

    def __init__(self, offices: list[Office]) -> None:
        self.movers: list[Family] = []
        self._rng = offices[0].draft.rng
        self._offices = weigh(zip(offices, (50, 30, 20), strict=True))
        self._odd = cycle([(office, user) for office in offices for user in office.odd_users])

    def make(self, number: int, defect: Defect | None, name: tuple[str, str] | None) -> list[Break]:
        """Make family `number`, its head of that first and last name, and plant the defect; gives the broken rules."""
        rng = self._rng
        office, user_id = self._pick_user(number, defect is not None)
        need = defect.needs if defect else "any"
        shape = _SHAPE_OF_NEED.get(need) or rng.pick(SHAPES)
        family = make_family(office, user_id, shape, with_child=need == "child")
        family.is_plain = defect is not None
        if name:
            family.head["first_name"], family.head["last_name"] = name
            family.household["name"] = name[0]
        _give_belongings(family)
        for child in family.grown:
            _give_belongings(Family(office, user_id, child))
        if user_id and user_id == office.retiring_user and not defect and len(self.movers) < _MOST_MOVERS:
            self.movers.append(family)
        if rng.chance(_LONE_CLIENTS):
            _give_belongings(make_contact_client(office, user_id))
        return plant(defect, family) if defect else []

    def _pick_user(self, number: int, has_defect: bool) -> tuple[Office, int | None]:
        """Office and user; families with a defect get a user with every right, so that nothing else holds them."""
        office = self._rng.pick(self._offices)
        if number % _UNASSIGNED_EVERY == 5:
            return office, None
        if number % _ODD_EVERY == 9 and not has_defect:
            return next(self._odd)
        return office, self._rng.pick(office.full_users)


def _give_belongings(family: Family) -> None:
    give_accounts(family)
    give_loans(family)
    give_policies(family)
    give_paperwork(family)
