"""Build the demo office: plan who breaks what, make families chunk by chunk, write each chunk, list the breaks."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from include.demo.book import Book, draw_moments
from include.demo.breaks import Break, write_breaks
from include.demo.database import DemoError, Loader, connect, parse_url, prepare
from include.demo.desk import Desk
from include.demo.dice import Dice
from include.demo.moving import arrange_move
from include.demo.names import draw_names
from include.demo.office import open_offices
from include.demo.plan import family_count, plan_breaks, special_names
from include.demo.units import Rota, make_unit

TODAY = date(2026, 11, 20)  # the demo's own day: never the clock's
SEED = 7
_CHUNK = 200  # families: small enough to stay in the processor's cache, large enough for bulk inserts


@dataclass(frozen=True)
class Summary:
    """What was made: rows by table, units, and where the list of broken rules lies."""

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

    `clean` leaves out the households that break rules. `on_progress` is called with the number of families made so far.
    Raises `DemoError` when the database cannot be reached or is not empty (and `overwrite` is not said).
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
    dice = Dice(seed)
    book = Book(dice, draw_moments(dice, today))
    desk = Desk(book, dice, draw_names(seed), today.toordinal(), native_nan=engine.dialect.name == "postgresql")
    plan = {} if clean else plan_breaks(households, dice)
    names = special_names(plan)
    offices = open_offices(desk)
    rota = Rota(desk, offices)
    families = family_count(households, plan)
    counts: Counter[str] = Counter()
    breaks: list[Break] = []
    with Loader(engine) as loader:
        for number in range(families):
            breaks += make_unit(desk, rota, number, plan.get(number), names.get(number))
            if number == families - 1:
                arrange_move(desk, offices)
            if number % _CHUNK == _CHUNK - 1 or number == families - 1:
                chunk = book.take()
                counts.update({name: len(rows) for name, rows in chunk.items()})
                loader.write(chunk)
                if on_progress:
                    on_progress(number + 1)
    return counts, breaks
