"""What every maker of rows needs at hand, and the family that they work on."""

from dataclasses import dataclass, field

from include.demo.book import Book, Row
from include.demo.dice import Dice
from include.demo.names import Names


@dataclass(frozen=True)
class Plan:
    """A product of the office's list: what a policy needs to know of it."""

    product_id: int
    insurance_type: str
    plan_type: str


@dataclass
class Office:
    """One office: its users, advisors and outside contacts, and the products it may sell."""

    office_id: int
    city: str
    full_users: tuple[int, ...] = ()
    odd_users: tuple[int, ...] = ()  # users who lack a license, and a disabled one
    retiring_user: int | None = None  # the user whose clients move to another office
    advisors: list[int] = field(default_factory=list)
    attorneys: list[int] = field(default_factory=list)
    outside_people: list[Row] = field(default_factory=list)  # the advisors and attorneys themselves
    businesses: list[int] = field(default_factory=list)
    plans: dict[str, list[Plan]] = field(default_factory=dict)  # by insurance type
    set_ids: dict[str, int] = field(default_factory=dict)


@dataclass
class Desk:
    """The open book, the dice, the pool of names and the day that everything is reckoned from (an ordinal)."""

    book: Book
    dice: Dice
    names: Names
    today: int
    native_nan: bool = False  # the database keeps NaN in a NUMERIC column (PostgreSQL does, SQLite does not)
    movers: list["Family"] = field(default_factory=list)  # who may be about to move to another office


@dataclass
class Family:
    """A household (or a contact client without one) while it is made: its rows, still mutable."""

    office: Office
    user_id: int | None
    head: Row
    household: Row | None = None
    spouse: Row | None = None
    spouse_relation: Row | None = None
    members: dict[int, Row] = field(default_factory=dict)  # household_member by contact id
    children: list[Row] = field(default_factory=list)  # members of the household
    grown: list[Row] = field(default_factory=list)  # grown-up children, clients of their own
    outsiders: list[Row] = field(default_factory=list)  # siblings and trusts that may benefit
    accounts: list[Row] = field(default_factory=list)
    policies: list[Row] = field(default_factory=list)
    is_plain: bool = False  # a family to be broken: nobody is insured on somebody else's policy

    @property
    def unit_key(self) -> str:
        return f"H{self.household['household_id']}" if self.household else f"C{self.head['contact_id']}"

    @property
    def couple(self) -> list[Row]:
        return [self.head, self.spouse] if self.spouse else [self.head]
