"""What to write into a record that people edit too. Pure.

Three values are known of every field: *base* (what we last wrote), *theirs* (in the case now), *ours* (from the CRM
now). ``theirs == base``: ours is written. ``theirs != base``: somebody edited it at the vendor, theirs stays and is
reported. No base and theirs not null: theirs stays. Unknown fields, ``notes`` and items that an advisor added stay.
A pin settles a field for one side and overrules the three values. Where somebody edited a field, a person may have
decided between the two values: for ours, which is written then, or for theirs, which is reported no more.

What the rule leaves open is decided here. A person is there or not there as a whole: a Client B whom an advisor
removed is not brought back field by field, and one whom the CRM lost leaves only if nobody at Profiles touched it and
nothing refers to it any more (half a person, or an owner who is nobody, would be refused).
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from etl.load.http.strict_json import canonical
from etl.load.profiles.decisions import UNDECIDED, Decided
from etl.load.profiles.document import (
    DOCUMENT,
    KEY,
    Document,
    FlatDocument,
    Group,
    Items,
    Nodes,
    Path,
    flatten,
    leaf_at,
    require_known,
    show,
    unflatten,
)
from etl.load.profiles.pins import NO_PINS, Pins

PERSONS = ("clientA", "clientB")
REFERENCES = ("owner", "insured", "beneficiaries")


@dataclass(frozen=True)
class Written:
    """A field that we write: its path, the value it replaces, the new one (both are client data)."""

    path: str
    old: Any = field(repr=False)
    new: Any = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """A field that stays as it is at Profiles; ``differs``: the CRM says something else; ``pinned`` to Profiles.

    ``was_sent``: we wrote it once, so that somebody must have edited it since; else nobody knows who is right.
    ``decided``: a person has decided so between these two values.
    """

    path: str
    differs: bool
    theirs: Any = field(repr=False)
    ours: Any = field(repr=False)
    pinned: bool = False
    was_sent: bool = True
    decided: bool = False


@dataclass(frozen=True)
class Merged:
    """What to put, and why.

    ``document`` is the whole new document (equal to theirs where nothing is to be written), ``base`` the merge base
    once it is confirmed: it moves only at fields written now, and has no value for fields that we never wrote.
    ``added``, ``stale`` (in the case, gone from the CRM) and ``removed_by_advisor`` hold paths of items.
    """

    document: Document = field(repr=False)
    base: Document = field(repr=False)
    written: tuple[Written, ...]
    kept: tuple[Kept, ...]
    stale: tuple[str, ...]
    removed_by_advisor: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether the vendor would hold anything new."""
        return bool(self.written or self.added)


def merge(
    base: Document | None, theirs: Document, ours: Document, pins: Pins = NO_PINS, decided: Decided = UNDECIDED
) -> Merged:
    """Merge one Profiles document; none of the three is changed. ValueError where ours has a field unknown here."""
    require_known(ours)
    was, now, new = flatten(base), flatten(theirs), flatten(ours)
    added, removed, withheld = _arrivals(was, now, new, pins)
    absent = {*added, *removed, *withheld}
    mine = {path: value for path, value in new.items() if not _within(path, absent)}
    writes, kept, equal = _decide(was, now, mine, pins, decided)
    kept += [Kept(show(path), True, None, None, pinned=True) for path in withheld]
    document = _written_into(theirs, ours, writes, added)
    for person in PERSONS:
        held_back = _person_held_back(person, was, theirs, ours, document, pins)
        if held_back is not None:
            others = {path: value for path, value in writes.items() if path[0] != person}
            is_reported = len(others) == len(writes) and any(entry.path.startswith(person) for entry in kept)
            kept = kept if is_reported else [*kept, held_back]
            writes = others
            document = _written_into(theirs, ours, writes, added)
    arrived = set(added)
    new_base = was | equal | writes | {path: value for path, value in new.items() if _within(path, arrived)}
    return Merged(
        document=document,
        base=unflatten(new_base),
        written=tuple(Written(show(path), now.get(path), value) for path, value in writes.items()),
        kept=tuple(kept),
        stale=tuple(map(show, _stale(was, now, new))),
        removed_by_advisor=tuple(map(show, removed)),
        added=tuple(map(show, added)),
    )


def confirm(old_base: Document | None, intended_base: Document, theirs: Document) -> Document:
    """The base after a write of unknown outcome, from what the case holds now.

    A field where theirs equals the intended value counts as written by us; every other keeps its old base.
    """
    was, intended, now = flatten(old_base), flatten(intended_base), flatten(theirs)
    absent = set(_items(intended)) - set(_items(now))
    confirmed = dict(was)
    for path, value in intended.items():
        if not _within(path, absent) and is_same(path, now.get(path), value):
            confirmed[path] = value
    return unflatten(confirmed)


def _arrivals(
    was: FlatDocument, now: FlatDocument, new: FlatDocument, pins: Pins
) -> tuple[list[Path], list[Path], list[Path]]:
    """Our items that the case lacks: those to append, those that an advisor deleted there, those pinned to Profiles."""
    sent, present = set(_items(was)), set(_items(now))
    added: list[Path] = []
    removed: list[Path] = []
    withheld: list[Path] = []
    absent: set[Path] = set()
    for item in _items(new):
        if item in present or _within(item[:-2], absent):
            continue
        absent.add(item)
        side = pins.side(item)
        if side == "profiles":
            withheld.append(item)
        else:
            (removed if item in sent and side is None else added).append(item)
    return added, removed, withheld


def _stale(was: FlatDocument, now: FlatDocument, new: FlatDocument) -> list[Path]:
    """Items that we once sent, that are in the case and no longer in the CRM; of nested ones the outer."""
    gone = set(_items(was)) - set(_items(new))
    return [item for item in _items(now) if item in gone and not _within(item[:-2], gone)]


def _decide(
    was: FlatDocument, now: FlatDocument, mine: FlatDocument, pins: Pins, decided: Decided
) -> tuple[FlatDocument, list[Kept], FlatDocument]:
    """What to write, what is kept, and what is pinned to SmartOffice and there already: as good as written."""
    writes: FlatDocument = {}
    kept: list[Kept] = []
    equal: FlatDocument = {}
    for path, value in mine.items():
        if path[-1] == KEY:
            continue
        theirs, side = now.get(path), pins.side(path)
        same = is_same(path, theirs, value)
        if side == "smartoffice":
            (equal if same else writes)[path] = value
        elif side == "profiles":
            kept.append(Kept(show(path), not same, theirs, value, pinned=True))
        elif is_same(path, theirs, was.get(path)):
            if not same:
                writes[path] = value
        elif (chosen := decided.side(path, theirs, value)) == "smartoffice":
            writes[path] = value
        else:
            kept.append(Kept(show(path), not same, theirs, value, was_sent=path in was, decided=chosen is not None))
    return writes, kept, equal


def _written_into(theirs: Document, ours: Document, writes: FlatDocument, added: list[Path]) -> Document:
    document = copy.deepcopy(theirs)
    nodes, sources = Nodes(document, blank=ours), Nodes(ours, blank={})
    for path, value in writes.items():
        nodes.at(path[:-1])[path[-1]] = copy.deepcopy(value)
    for path in added:
        nodes.put(path, copy.deepcopy(sources.at(path)))
    for path in writes:
        _collapse(document, ours, path)
    return document


def _collapse(document: Document, ours: Document, path: Path) -> None:
    """Make objects on the way to ``path`` null that are null in ours and hold nothing any more."""
    node, mine, group = document, ours, DOCUMENT
    for name in path[:-1]:
        shape = group.fields.get(name)
        if not isinstance(shape, Group):
            return
        if mine[name] is None:
            if node.get(name) is not None and is_empty(node[name]):
                node[name] = None
            if node.get(name) is None:
                return
            mine = {name: dict.fromkeys(shape.fields)}
        node, mine, group = node[name], mine[name], shape


def is_empty(value: Any) -> bool:
    """Whether a value holds nothing, however deep."""
    return all(is_empty(inner) for inner in value.values()) if isinstance(value, dict) else value in (None, [])


def _person_held_back(
    person: str, was: FlatDocument, theirs: Document, ours: Document, document: Document, pins: Pins
) -> Kept | None:
    """Why a person must stay as it is in theirs, or None."""
    if person not in ours:
        return None
    before, after = theirs.get(person), ours[person]
    was_sent = any(value is not None for path, value in was.items() if path[0] == person)
    if before is None and was_sent and pins.side((person,)) != "smartoffice":
        return Kept(person, after is not None, before, after)
    leaves_now = after is None and before is not None
    if leaves_now and (document.get(person) is not None or person in people_named_in(document)):
        return Kept(person, True, before, after, was_sent=was_sent)
    return None


def people_named_in(document: Document) -> set[str]:
    """The people whom items name as owner, insured or beneficiary."""
    lists = [name for name, shape in DOCUMENT.fields.items() if isinstance(shape, Items)]
    items = [item for name in lists for item in document.get(name) or () if isinstance(item, dict)]
    named = [item.get(reference) for item in items for reference in REFERENCES]
    people: set[str] = set()
    for value in named:
        people.update(one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))
    return people


def is_same(path: Path, one: Any, other: Any) -> bool:
    """Whether two values of a field mean the same."""
    if one is other or (isinstance(one, str) and isinstance(other, str)):
        return bool(one == other)
    is_set = leaf_at(path).is_set
    return canonical(one, is_set) == canonical(other, is_set)


def _items(values: Iterable[Path]) -> Iterator[Path]:
    return (path[:-1] for path in values if path[-1] == KEY)


def _within(path: Path, items: set[Path]) -> bool:
    """Whether the path lies in one of the items, each a list's name and a key, or two such pairs."""
    return bool(items) and any(path[:end] in items for end in range(2, len(path) + 1, 2))
