"""The fields of a Profiles document by the names that people type: ``show`` backwards, and a short form.

``clientA.homePhone``, ``assets[account:5].holdingsValue``; for an item its CRM key alone will do:
``account:5.holdingsValue``, ``liability:4.currentBalance``.
"""

from __future__ import annotations

import re

from etl.errors import ParamsError
from etl.load.profiles.document import DOCUMENT, KEY, Group, Items, Path, Shape, show
from etl.names import near

# The lists in which an item with such a key may stand (a fixed annuity is a policy among the assets).
LISTS_OF: dict[str, tuple[str, ...]] = {
    "contact": ("dependents",),
    "account": ("assets",),
    "liability": ("liabilities",),
    "policy": ("insurancePolicies", "assets"),
}
_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]*)(?:\[([^\[\]]+)\])?(?:\.|$)")
_SHORT = re.compile(r"([a-z]+:-?[0-9]+)(?:\.(.+))?$")


def read_paths(text: str) -> tuple[Path, ...]:
    """The paths that a name may stand for: one, or two for a field that insurance policies and annuities share.

    Raises `ParamsError` with near names for what is no field, object or item of a document.
    """
    short = _SHORT.match(text.strip())
    if short is None:
        return (_full(text.strip()),)
    key, rest = short.groups()
    lists = LISTS_OF.get(key.partition(":")[0], ())
    if not lists:
        hint = f"assets[account:…].holdings[{key}]" if key.startswith("position:") else "assets[account:5]"
        raise ParamsError(f"{text!r} names no item of a Profiles document by itself; write it whole, such as {hint}.")
    found, refused = [], None
    for name in lists:
        try:
            found.append(_full(f"{name}[{key}]" + (f".{rest}" if rest else "")))
        except ParamsError as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return tuple(found)


def read_path(text: str) -> Path:
    """The one path that a name stands for. Raises `ParamsError` also where it may stand for two."""
    paths = read_paths(text)
    if len(paths) > 1:
        raise ParamsError(f"{text!r} may be {' or '.join(map(show, paths))}: write it whole.")
    return paths[0]


def _full(text: str) -> Path:
    path: list[str] = []
    shape: Shape = DOCUMENT
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or step.end() == at:
            raise ParamsError(f"{text!r} is no field: write it such as clientA.homePhone or account:5.holdingsValue.")
        name, key = step.groups()
        if not isinstance(shape, Group):
            raise ParamsError(f"{text!r}: {show(tuple(path))} is one value and holds no {name}.")
        if name not in shape.fields:
            raise ParamsError(f"{text!r}: {name} is no field of a Profiles document.{near(name, shape.fields)}")
        shape = shape.fields[name]
        path.append(name)
        if isinstance(shape, Items) != (key is not None):
            wants = f"one of {name} is named by its key, such as {name}[{_example(name)}]"
            raise ParamsError(f"{text!r}: {wants if isinstance(shape, Items) else f'{name} is no list'}.")
        if isinstance(shape, Items) and key is not None:
            path.append(key)
            shape = shape.item
        at = step.end()
    if not path or path[-1] == KEY or text.endswith("."):
        raise ParamsError(f"{text!r} is no field: write it such as clientA.homePhone or account:5.holdingsValue.")
    return tuple(path)


def _example(list_name: str) -> str:
    examples = {name: f"{entity}:5" for entity, names in LISTS_OF.items() for name in reversed(names)}
    return examples.get(list_name, "position:9") if list_name != "assets" else "account:5"
