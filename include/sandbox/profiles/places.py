"""Places in a document, written as `assets.2.holdings.0`: what a page edits, adds to or deletes."""

from dataclasses import dataclass
from typing import Any

from include.sandbox.common.records import Record, columns
from include.sandbox.common.wire import Json
from include.sandbox.profiles.records import Document

PEOPLE = [column for column in columns(Document) if column.kind == "record"]
LISTS = [column for column in columns(Document) if column.kind == "list"]


class NoSuchPlace(LookupError):
    """The document has nothing at this place."""


@dataclass(frozen=True)
class Place:
    """A record of the document, or where a new one goes: `holder[slot]`, described by `model`."""

    holder: Any
    slot: Any
    model: type[Record]
    title: str

    @property
    def record(self) -> Json:
        """What is there; empty for a new record."""
        is_end = isinstance(self.holder, list) and self.slot == len(self.holder)
        return {} if is_end else self.holder[self.slot] or {}

    def put(self, record: Json) -> None:
        if isinstance(self.holder, list):
            self.holder[self.slot : self.slot + 1] = [record]
        else:
            self.holder[self.slot] = record

    def remove(self) -> None:
        if isinstance(self.holder, list):
            del self.holder[self.slot]
        else:
            self.holder[self.slot] = None


def find(document: Json, at: str) -> Place:
    """The place of a record that is there; raises NoSuchPlace."""
    owner, _, slot = at.rpartition(".")
    if not owner:
        return _person(document, at, is_there=True)
    end = find_end(document, owner)
    if not (isinstance(end.holder, list) and slot.isascii() and slot.isdigit() and len(slot) < 7):
        raise NoSuchPlace(at)
    if int(slot) >= len(end.holder):
        raise NoSuchPlace(at)
    return Place(end.holder, int(slot), end.model, end.title)


def find_end(document: Json, to: str) -> Place:
    """The place for a new record: the end of a list, or the person who is not there yet; raises NoSuchPlace."""
    owner, _, name = to.rpartition(".")
    inside = find(document, owner) if owner else Place([document], 0, Document, "")
    for column in columns(inside.model):
        if column.name == name and column.model and column.kind == "list":
            items = inside.record[name]
            return Place(items, len(items), column.model, column.singular)
    return _person(document, to, is_there=False)


def _person(document: Json, at: str, is_there: bool) -> Place:
    for column in PEOPLE:
        if column.name == at and column.model and (document[at] is not None) == is_there:
            return Place(document, at, column.model, column.label)
    raise NoSuchPlace(at)
