"""Names, streets and employers of invented people: a pool drawn once from a seeded Faker, and odd but legal names."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from faker import Faker

# What real books hold and careless code trips over: apostrophes, hyphens, blanks, accents (composed and decomposed),
# other scripts, particles, a name outside the basic plane.
# fmt: off
ODD_FIRST_NAMES = (
    "Renée", "Jose\u0301", "Zoë", "D'Angelo", "Anne-Marie", "Søren", "Мария", "李娜", "Siobhán", "Nguyệt", "Mary Jo ",
)
ODD_LAST_NAMES = (
    "O'Brien", "Muñoz-Ibáñez", "van der Berg", "Østergård", "Nguyễn", "D’Souza", "St. John", "Łukaszewicz", "𠮷田",
    " Smith",
)
# fmt: on
# Names that a careless page or spreadsheet would run.
MARKUP_NAME = ("<script>alert('first')</script>", "<b>Bold</b> & Daughters")
FORMULA_NAME = ('=HYPERLINK("http://example.com","click")', "Formula")


@dataclass(frozen=True)
class Names:
    """The pool to pick from."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    last: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str, str], ...]  # city, state, postal code
    companies: tuple[str, ...]
    jobs: tuple[str, ...]


@lru_cache(maxsize=4)
def draw_names(seed: int) -> Names:
    """Draw the pool; the same seed gives the same pool."""
    faker = Faker("en_US")
    faker.seed_instance(seed)
    return Names(
        female=tuple(faker.first_name_female() for _ in range(300)) + ODD_FIRST_NAMES[::2] * 2,
        male=tuple(faker.first_name_male() for _ in range(300)) + ODD_FIRST_NAMES[1::2] * 2,
        last=tuple(faker.last_name() for _ in range(800)) + ODD_LAST_NAMES * 3,
        streets=tuple(faker.street_address() for _ in range(600)),
        places=tuple((faker.city(), faker.state_abbr(), faker.postcode()) for _ in range(400)),
        companies=tuple(faker.company() for _ in range(300)),
        jobs=tuple(faker.job() for _ in range(200)),
    )


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name in the letters of a mail address (`Muñoz-Ibáñez` -> `munozibanez`); "client" where none are left."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in letters.lower() if letter.isalnum()) or "client"
