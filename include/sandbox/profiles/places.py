"""Places in a document, written as `assets.2.holdings.0`: what a page edits, adds to or deletes."""

from dataclasses import dataclass
from typing import Any

from include.sandbox.common.fields import Field, Record
from include.sandbox.profiles.document import ASSET, DEPENDENT, HOLDING, LIABILITY, PERSON, POLICY


class NoSuchPlace(LookupError):
    """The document has nothing at this place."""


@dataclass(frozen=True)
class Listing:
    """One list of the document as the page shows it."""

    name: str
    label: str
    singular: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...]


LISTINGS = (
    Listing("dependents", "Dependents", "dependent", DEPENDENT, ("firstName", "lastName", "birthDate")),
    Listing("assets", "Assets", "asset", ASSET,
            ("accountName", "accountType", "owner", "holdingsValue", "cashBalance")),
    Listing("liabilities", "Liabilities", "liability", LIABILITY,
            ("liabilityName", "owner", "currentBalance", "remainingYears", "annualInterestRate",
             "scheduledMonthlyPayment")),
    Listing("insurancePolicies", "Insurance policies", "policy", POLICY,
            ("insurancePolicy", "kind", "insured", "deathBenefit", "annualPremium", "beneficiaries")),
)  # fmt: skip
PEOPLE = {"clientA": "Client A", "clientB": "Client B"}


@dataclass(frozen=True)
class Place:
    """A record of the document, or the end of a list: `holder[slot]`, described by `fields`."""

    holder: Any
    slot: Any
    fields: tuple[Field, ...]
    title: str

    @property
    def record(self) -> Record:
        record: Record = self.holder[self.slot]
        return record

    def put(self, record: Record) -> None:
        if isinstance(self.holder, list) and self.slot == len(self.holder):
            self.holder.append(record)
        else:
            self.holder[self.slot] = record

    def remove(self) -> None:
        if isinstance(self.holder, list):
            del self.holder[self.slot]
        else:
            self.holder[self.slot] = None


def find(document: Record, at: str) -> Place:
    """The place of a record that is there; raises NoSuchPlace."""
    match at.split("."):
        case [person] if person in PEOPLE and document.get(person) is not None:
            return Place(document, person, PERSON, PEOPLE[person])
        case [name, number]:
            listing = _listing(name)
            return _in_list(document[name], number, listing.fields, listing.singular)
        case ["assets", number, "holdings", inner]:
            asset = _in_list(document["assets"], number, ASSET, "asset").record
            return _in_list(asset["holdings"], inner, HOLDING, "holding")
    raise NoSuchPlace(at)


def find_end(document: Record, to: str) -> Place:
    """The place for a new record; raises NoSuchPlace."""
    match to.split("."):
        case ["clientB"] if document.get("clientB") is None:
            return Place(document, "clientB", PERSON, "Client B")
        case [name] if name not in PEOPLE:
            listing = _listing(name)
            return Place(document[name], len(document[name]), listing.fields, listing.singular)
        case ["assets", number, "holdings"]:
            holdings = _in_list(document["assets"], number, ASSET, "asset").record["holdings"]
            return Place(holdings, len(holdings), HOLDING, "holding")
    raise NoSuchPlace(to)


def _listing(name: str) -> Listing:
    for listing in LISTINGS:
        if listing.name == name:
            return listing
    raise NoSuchPlace(name)


def _in_list(items: list[Any], number: str, fields: tuple[Field, ...], title: str) -> Place:
    if not (number.isascii() and number.isdigit() and len(number) < 7 and int(number) < len(items)):
        raise NoSuchPlace(number)
    return Place(items, int(number), fields, title)
