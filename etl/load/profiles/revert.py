"""What a run did to a case, and the document that takes it back. Pure.

A field goes back to what it was before the run if it still holds what the run wrote; an item that the run added is
taken out if nobody touched it since. Everything else stays as it is, as a conflict. What this writes is a footprint
again: an undo can be undone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from etl.load.profiles.document import (
    DOCUMENT,
    KEY,
    PERSON,
    Document,
    FlatDocument,
    Group,
    Items,
    Nodes,
    Path,
    Shape,
    flatten,
    keyed,
    show,
)
from etl.load.profiles.field_paths import read_path
from etl.load.profiles.merge import REFERENCES, is_empty, is_same, people_named_in

IDENTITY = ("firstName", "lastName", "birthDate")


@dataclass
class Footprint:
    """What was written: path -> (before, after); items put in (their values by path) and taken out (the whole item)."""

    written: dict[Path, tuple[Any, Any]] = field(default_factory=dict, repr=False)
    put_in: dict[Path, FlatDocument] = field(default_factory=dict, repr=False)
    taken_out: dict[Path, dict[str, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, intents: Iterable[Mapping[str, Any]]) -> Footprint:
        """Of a run's confirmed writes to one case (the values of its intents), in the order in which they were made."""
        steps = cls()
        for values in intents:
            steps._add(values)
        return steps

    def _add(self, values: Mapping[str, Any]) -> None:
        for shown, before, after in values["written"]:
            path = read_path(shown)
            item = self._putting(path)
            if item is not None:
                self.put_in[item][path] = after
            else:
                first = self.written.pop(path, (before, after))[0]
                if not is_same(path, first, after):
                    self.written[path] = first, after
        of_items = _by_item(flatten(values["base"]))
        for shown in values.get("added", ()):
            path = read_path(shown)
            self._put(path, of_items.get(path, {}))
        for shown, item in values.get("put_in", ()):
            path = read_path(shown)
            if self.taken_out.pop(path, None) is None:
                self._put(path, _leaves_of(path, item))
        for shown, item in values.get("taken_out", ()):
            path = read_path(shown)
            if self.put_in.pop(path, None) is None:
                self.taken_out[path] = item

    def _put(self, path: Path, values: FlatDocument) -> None:
        """An item of an item that is new itself is a part of it."""
        self.put_in.setdefault(self._putting(path) or path, {}).update(values)

    def _putting(self, path: Path) -> Path | None:
        """The item put in that a path lies in, or is."""
        return next((path[:end] for end in range(2, len(path) + 1, 2) if path[:end] in self.put_in), None)


@dataclass(frozen=True)
class PutBack:
    """The document that takes a footprint back, what it writes, and what stays (``conflicts``: path -> why)."""

    document: Document = field(repr=False)
    written: dict[Path, tuple[Any, Any]] = field(repr=False)
    put_in: dict[Path, dict[str, Any]] = field(repr=False)
    taken_out: dict[Path, dict[str, Any]] = field(repr=False)
    conflicts: dict[Path, str]

    @property
    def changes(self) -> bool:
        """Whether the case would hold anything new."""
        return bool(self.written or self.put_in or self.taken_out)

    def as_values(self) -> dict[str, Any]:
        """As the values of an intent: no base, for what is taken back is nothing that we say now."""
        return {
            "base": {},
            "written": [[show(path), before, after] for path, (before, after) in self.written.items()],
            "put_in": [[show(path), item] for path, item in self.put_in.items()],
            "taken_out": [[show(path), item] for path, item in self.taken_out.items()],
        }


def put_back(theirs: Document, done: Footprint) -> PutBack:
    """Takes a footprint back in the case as it is now; ``theirs`` is not changed."""
    now = flatten(theirs)
    items = {path[:-1] for path in now if path[-1] == KEY}
    written, conflicts = _fields_to_restore(now, items, done)
    nodes = Nodes(theirs, blank={})
    taken_out = {path: nodes.at(path) for path in done.put_in if path in items}
    for path in [path for path, item in taken_out.items() if not _is_untouched(path, item, done.put_in[path])]:
        conflicts[path] = "changed since it was added"
        del taken_out[path]
    put_in = {path: item for path, item in done.taken_out.items() if path not in items}
    for path in [path for path in put_in if not holders_of(path[:-2]) <= items]:
        conflicts[path] = "its item is not there any more"
        del put_in[path]
    while True:
        document = rewritten(theirs, written, put_in, taken_out)
        faults = _faults(theirs, document, written, put_in, taken_out)
        if not faults:
            return PutBack(document, written, put_in, taken_out, conflicts)
        for path, why in faults.items():
            conflicts[path] = why
            for chosen in (written, put_in, taken_out):
                chosen.pop(path, None)


def _fields_to_restore(
    now: FlatDocument, items: set[Path], done: Footprint
) -> tuple[dict[Path, tuple[Any, Any]], dict[Path, str]]:
    """The fields that still hold what the run wrote, and why others stay."""
    written: dict[Path, tuple[Any, Any]] = {}
    conflicts: dict[Path, str] = {}
    for path, (before, after) in done.written.items():
        value = now.get(path)
        if not holders_of(path) <= items:
            conflicts[path] = "its item is not there any more"
        elif is_same(path, value, after):
            written[path] = value, before
        elif not is_same(path, value, before):
            conflicts[path] = "changed since"
    came_or_went = any(None in pair for path, pair in done.written.items() if _is_identity_of_b(path))
    if came_or_went and any(path[0] == "clientB" for path in conflicts):
        for path in [path for path in written if path[0] == "clientB"]:
            conflicts[path] = "a Client B comes or goes as a whole"
            del written[path]
    return written, conflicts


def is_done(values: Mapping[str, Any], theirs: Document) -> bool:
    """Whether the case holds anything of what an intent was to write: then it was written."""
    now = flatten(theirs)
    items = {path[:-1] for path in now if path[-1] == KEY}
    wrote = any(is_same(path, now.get(path), new) for path, new in _news(values))
    put = any(read_path(shown) in items for shown, _ in values["put_in"])
    return wrote or put or any(read_path(shown) not in items for shown, _ in values["taken_out"])


def _news(values: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    return ((read_path(shown), new) for shown, _, new in values["written"])


def rewritten(
    theirs: Document,
    written: Mapping[Path, tuple[Any, Any]],
    put_in: Mapping[Path, dict[str, Any]],
    taken_out: Iterable[Path],
) -> Document:
    """A document with these fields written (path -> before, after), and items put in and taken out."""
    document = copy.deepcopy(theirs)
    nodes = Nodes(document, blank=_BLANK)
    for path, (_, value) in written.items():
        nodes.at(path[:-1])[path[-1]] = copy.deepcopy(value)
    for path, item in put_in.items():
        nodes.put(path, copy.deepcopy(item))
    leaving: dict[Path, set[str]] = {}
    for path in taken_out:
        leaving.setdefault(path[:-1], set()).add(path[-1])
    for path, keys in sorted(leaving.items(), key=lambda one: -len(one[0])):
        holder = nodes.at(path[:-1])
        holder[path[-1]] = [item for item in holder[path[-1]] if not _has_key_among(item, keys)]
    _fold(theirs, document, {path[:end] for path in written for end in range(1, len(path))})
    return document


def _fold(theirs: Document, document: Document, touched: set[Path]) -> None:
    """Objects that were written into and hold nothing any more become null where the contract has null for them."""
    for person in ("clientA", "clientB"):
        node = document.get(person) or {}
        for name in ("addressInfo", "employerAddress"):
            is_ours = (person, name) in touched or theirs.get(person) is None
            if is_ours and is_empty(node.get(name) or {}):
                node[name] = None
        if person == "clientB" and (person,) in touched and is_empty(node):
            document[person] = None


def _faults(
    theirs: Document,
    document: Document,
    written: Mapping[Path, tuple[Any, Any]],
    put_in: Mapping[Path, dict[str, Any]],
    taken_out: Iterable[Path],
) -> dict[Path, str]:
    """What of it the case cannot take as it is now: half a person, a nested item without its account, a reference."""
    faults = dict.fromkeys(_half_a_spouse(theirs, document, written), "half a person")
    named = people_named_in(document)
    if document.get("clientB") is None and "clientB" in named:
        faults.update(dict.fromkeys((path for path in written if path[0] == "clientB"), "something is still hers"))
    referring = {path: {path[-1]: value} for path, (_, value) in written.items()} | dict(put_in)
    for path, values in referring.items():
        if document.get("clientB") is None and any("clientB" in _names(values.get(name)) for name in REFERENCES):
            faults[path] = "it names a Client B, who is not there any more"
    for path in taken_out:
        if path[0] == "dependents" and f"dependent:{path[-1]}" in named:
            faults[path] = "a policy names it"
    return faults


def _half_a_spouse(theirs: Document, document: Document, written: Iterable[Path]) -> list[Path]:
    """What would leave a Client B without name or birth date whom the case has with them, or has not at all."""
    before, after = theirs.get("clientB"), document.get("clientB")
    had_all = before is None or all(before.get(name) is not None for name in IDENTITY)
    lacks = after is not None and any(after.get(name) is None for name in IDENTITY)
    return [path for path in written if path[0] == "clientB"] if had_all and lacks else []


def _is_identity_of_b(path: Path) -> bool:
    return path[0] == "clientB" and path[1] in IDENTITY


def _names(value: Any) -> set[str]:
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}


def holders_of(path: Path) -> set[Path]:
    """The items in which a path lies."""
    holders: set[Path] = set()
    shape: Shape = DOCUMENT
    steps = iter(enumerate(path))
    for at, name in steps:
        assert isinstance(shape, Group)
        shape = shape.fields[name]
        if isinstance(shape, Items):
            next(steps)
            holders.add(path[: at + 2])
            shape = shape.item
    return holders


def _is_untouched(path: Path, item: dict[str, Any], values: FlatDocument) -> bool:
    """Whether an item holds what was put in, and nothing else."""
    now = _leaves_of(path, item)
    same = all(is_same(at, now.get(at), values.get(at)) for at in {*now, *values})
    return same and not _has_strangers(item, path)


def _leaves_of(path: Path, item: dict[str, Any]) -> FlatDocument:
    return flatten({path[-2]: [item]}, _holder_group(path), path[:-2])


def _holder_group(path: Path) -> Group:
    """The shape of the object that holds the item's list."""
    group = DOCUMENT
    for name in path[:-2:2]:
        shape = group.fields[name]
        assert isinstance(shape, Items)
        group = shape.item
    return group


def _has_strangers(item: dict[str, Any], path: Path) -> bool:
    """Whether somebody put fields into the item that we do not know, or items of their own."""
    shape = _holder_group(path).fields[path[-2]]
    assert isinstance(shape, Items)
    unknown = [name for name, value in item.items() if name not in shape.item.fields and value not in (None, [], "")]
    lists = [item.get(name) or [] for name, inner in shape.item.fields.items() if isinstance(inner, Items)]
    return bool(unknown) or any(len(keyed(each)) != len(each) for each in lists)


def _has_key_among(item: Any, keys: set[str]) -> bool:
    return isinstance(item, dict) and item.get(KEY) in keys


def _by_item(values: FlatDocument) -> dict[Path, FlatDocument]:
    """item -> the values in it; those of an item of an item are in both."""
    found: dict[Path, FlatDocument] = {}
    for path, value in values.items():
        for end in range(2, len(path), 2):
            found.setdefault(path[:end], {})[path] = value
    return found


def _nothing(group: Group) -> dict[str, Any]:
    return {name: _nothing(inner) if isinstance(inner, Group) else None for name, inner in group.fields.items()}


# A person of whom nothing is known, to copy empty objects from.
_BLANK: Document = {"clientA": _nothing(PERSON), "clientB": _nothing(PERSON)}
