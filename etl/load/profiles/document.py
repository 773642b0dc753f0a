"""A Profiles document as a flat map from paths to values, and back.

The shape below is the API contract's *Document*, as data. A path is a tuple of names; after the name of a list comes
the item's ``externalSourceId``: ``("assets", "account:5", "holdings", "position:9", "holdingsValue")``, written
``assets[account:5].holdings[position:9].holdingsValue``. Items without an ``externalSourceId`` (an advisor typed them
in) and fields that the shape does not name are not ours: they have no path.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from etl.load.http.strict_json import Unreadable
from etl.load.http.validate import an_object

Document = dict[str, Any]
Path = tuple[str, ...]
FlatDocument = dict[Path, Any]

KEY = "externalSourceId"


@dataclass(frozen=True)
class Leaf:
    """One value, compared as a whole; ``is_set``: a list whose order means nothing, and whose empty form is null."""

    is_set: bool = False


@dataclass(frozen=True)
class Group:
    """An object compared field by field; null stands for an object whose fields are all null."""

    fields: "Mapping[str, Leaf | Group | Items]"


@dataclass(frozen=True)
class Items:
    """A list of objects matched by ``externalSourceId``."""

    item: Group


Shape = Leaf | Group | Items


def _leaves(*names: str) -> dict[str, Shape]:
    return {name: Leaf() for name in names}


ADDRESS = Group(_leaves("line1", "line2", "city", "state", "postalCode", "country"))
PERSON = Group(
    _leaves("firstName", "lastName", "birthDate", "gender", "maritalStatus")
    | {"addressInfo": ADDRESS}
    | _leaves("homePhone", "cellPhone", "fax", "email", "employerName")
    | {"employerAddress": ADDRESS}
    | _leaves("workPhone", "workFax", "jobTitle")
    | {"income": Group(_leaves("annualSalary"))}
)
DEPENDENT = Group(_leaves(KEY, "firstName", "lastName", "birthDate"))
HOLDING = Group(_leaves(KEY, "ticker", "holdingName", "holdingsValue"))
ASSET = Group(
    _leaves(KEY, "accountName", "accountType", "holdingsValue", "cashBalance", "typeOfFund", "owner")
    | {"holdings": Items(HOLDING)}
)
LIABILITY = Group(
    _leaves(KEY, "liabilityName", "owner", "paymentMethod", "currentBalance", "remainingYears")
    | _leaves("annualInterestRate", "scheduledMonthlyPayment")
)
POLICY = Group(
    _leaves(KEY, "kind", "insurancePolicy", "insured")
    | {"beneficiaries": Leaf(is_set=True)}
    | _leaves("annualPremium", "owner", "deathBenefit", "eliminationPeriod")
)
DOCUMENT = Group(
    {
        "clientA": PERSON,
        "clientB": PERSON,
        "dependents": Items(DEPENDENT),
        "assets": Items(ASSET),
        "liabilities": Items(LIABILITY),
        "insurancePolicies": Items(POLICY),
    }
)


def flatten(document: Mapping[str, Any] | None, group: Group = DOCUMENT, prefix: Path = ()) -> FlatDocument:
    """Every value that the document holds under the shape; a field that is absent has no path, a null one has."""
    return dict(_walk(document or {}, group, prefix))


def _walk(node: Mapping[str, Any], group: Group, prefix: Path) -> Iterator[tuple[Path, Any]]:
    for name, shape in group.fields.items():
        if name not in node:
            continue
        value, path = node[name], (*prefix, name)
        if isinstance(shape, Leaf):
            yield path, value
        elif isinstance(shape, Group):
            yield from _walk(dict.fromkeys(shape.fields) if value is None else value, shape, path)
        else:
            for item in keyed(value).values():
                yield from _walk(item, shape.item, (*path, item[KEY]))


def keyed(items: Iterable[Any] | None) -> dict[str, dict[str, Any]]:
    """The items that carry a key, by key; of two with one key the first."""
    by_key: dict[str, dict[str, Any]] = {}
    for item in items or ():
        if isinstance(item, dict) and isinstance(item.get(KEY), str):
            by_key.setdefault(item[KEY], item)
    return by_key


def unflatten(values: Mapping[Path, Any]) -> Document:
    """The sparse document that holds exactly these values."""
    document: Document = {}
    nodes = Nodes(document, blank={})
    for path, value in values.items():
        nodes.at(path[:-1])[path[-1]] = value
    _fold(document, DOCUMENT)
    return document


def _fold(node: dict[str, Any], group: Group) -> None:
    """Write objects whose fields are all there and all null as null: one way to say it."""
    for name, value in node.items():
        shape = group.fields[name]
        if isinstance(shape, Group):
            _fold(value, shape)
            if value.keys() == shape.fields.keys() and not any(inner is not None for inner in value.values()):
                node[name] = None


class Nodes:
    """The objects of a document by path; each list is looked through once, however many items are asked for.

    ``blank`` is the document to copy empty objects from. As long as this is used, items come into the document only
    through it.
    """

    def __init__(self, document: Document, blank: Mapping[str, Any]) -> None:
        self._document, self._blank = document, blank
        self._known: dict[int, tuple[list[Any], dict[str, dict[str, Any]]]] = {}

    def at(self, path: Path) -> dict[str, Any]:
        """The object at a path, made where it is absent or null."""
        node, model, steps = self._document, self._blank, iter(path)
        group = DOCUMENT
        for name in steps:
            shape = group.fields[name]
            if isinstance(shape, Items):
                key, group = next(steps), shape.item
                node[name] = node.get(name) or []
                node = self._keyed(node[name]).get(key) or self._append(node[name], {KEY: key}, key)
                model = self._keyed(model.get(name)).get(key) or {}
            elif isinstance(shape, Group):
                group, model = shape, model.get(name) or {}
                if node.get(name) is None:
                    node[name] = _emptied(model, group)
                node = node[name]
            else:
                raise ValueError(f"{show(path)} is no object of a Profiles document")
        return node

    def put(self, path: Path, item: dict[str, Any]) -> None:
        """Puts an item at the end of its list."""
        holder = self.at(path[:-2])
        holder[path[-2]] = holder.get(path[-2]) or []
        self._append(holder[path[-2]], item, path[-1])

    def _append(self, items: list[Any], item: dict[str, Any], key: str) -> dict[str, Any]:
        self._keyed(items).setdefault(key, item)
        items.append(item)
        return item

    def _keyed(self, items: list[Any] | None) -> dict[str, dict[str, Any]]:
        if items is None:
            return {}
        if id(items) not in self._known:
            # The list is kept beside its keys, so that no other takes its place in memory.
            self._known[id(items)] = items, keyed(items)
        return self._known[id(items)][1]


def _emptied(model: Mapping[str, Any], group: Group) -> dict[str, Any]:
    empty: dict[str, Any] = {}
    for name, value in model.items():
        shape = group.fields[name]
        empty[name] = _emptied(value, shape) if isinstance(shape, Group) and value is not None else None
    return empty


def show(path: Path) -> str:
    """The path as people read it."""
    text, group, steps = "", DOCUMENT, iter(path)
    for name in steps:
        text += f".{name}" if text else name
        shape = group.fields[name]
        if isinstance(shape, Items):
            group = shape.item
            key = next(steps, None)
            text += f"[{key}]" if key is not None else ""
        elif isinstance(shape, Group):
            group = shape
    return text


def leaf_at(path: Path) -> Leaf:
    """The leaf of the shape at ``path``."""
    shape: Shape = DOCUMENT
    steps = iter(path)
    for name in steps:
        assert isinstance(shape, Group)
        shape = shape.fields[name]
        if isinstance(shape, Items):
            next(steps)
            shape = shape.item
    assert isinstance(shape, Leaf)
    return shape


def require_shape(document: Mapping[str, Any], group: Group = DOCUMENT) -> None:
    """Raise Unreadable where a vendor's document has something else where the shape has objects and lists of them."""
    for name, shape in group.fields.items():
        value = document.get(name)
        if value is None:
            continue
        if isinstance(shape, Leaf):
            if shape.is_set and not isinstance(value, list):
                raise Unreadable(f"has no list as its {name}")
        elif isinstance(shape, Group):
            require_shape(an_object(value, name), shape)
        else:
            if not isinstance(value, list):
                raise Unreadable(f"has no list {name}")
            for item in value:
                require_shape(an_object(item, f"item of {name}"), shape.item)


def require_known(document: Mapping[str, Any], group: Group = DOCUMENT) -> None:
    """Raise ValueError at a field of our own document that the shape does not name: it would be dropped in silence."""
    for name, value in document.items():
        shape = group.fields.get(name)
        if shape is None:
            raise ValueError(f"{name} is no field of a Profiles document")
        if isinstance(shape, Group) and value is not None:
            require_known(value, shape)
        elif isinstance(shape, Items):
            if len(keyed(value)) != len(value):
                raise ValueError(f"an item of {name} has no {KEY}, or two have the same")
            for item in value:
                require_known(item, shape.item)
