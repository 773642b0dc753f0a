"""What to write into the people of an eMoney client, whom advisors edit there too. Pure.

Only fields whose CRM value changed since we last sent them are written (EMY-UPDATE). Where eMoney holds neither what we
last sent nor what we would write now, somebody edited the field there: by the office's choice for it the CRM's value
goes all the same, or eMoney's stays. Either way it is reported (EMY-OVERWRITTEN).
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from etl.load.http.strict_json import canonical

_ADDRESS = ("line1", "line2", "city", "state", "postalCode", "country")
_JOB = ("companyName", *(f"address.{name}" for name in _ADDRESS), "businessPhone", "businessFax", "title")
_SPOUSE = ("firstName", "lastName", "dateOfBirth", "cellPhone", *(f"job.{name}" for name in _JOB))
_CLIENT = (*_SPOUSE, *(f"address.{name}" for name in _ADDRESS), "homePhone", "fax", "email")


def _with_holders(path: str) -> list[str]:
    """``job``, ``job.address``, ``job.address.city``."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


# What may stay as eMoney has it: a field, or an object with all of its fields. Key, owner and status may not: without
# them the client is not found, not seen by its advisor, and takes no spouse.
KEEPABLE = frozenset(
    name for path in (*_CLIENT, *(f"spouse.{name}" for name in _SPOUSE)) for name in _with_holders(path)
)


@dataclass(frozen=True)
class Edited:
    """A field that changed in the CRM and was edited at eMoney; ``stays``: eMoney's value is kept."""

    path: str
    stays: bool
    theirs: Any = field(repr=False)
    ours: Any = field(repr=False)


@dataclass(frozen=True)
class Patch:
    """What to write and why.

    ``values`` is a JSON merge patch, ``written`` its leaves (path, the value that is replaced, the new one), ``base``
    what counts as last sent once it is confirmed: of a field that stays, what was last sent before.
    """

    values: dict[str, Any] = field(repr=False)
    written: tuple[tuple[str, Any, Any], ...] = field(repr=False)
    edited: tuple[Edited, ...]
    base: dict[str, Any] = field(repr=False)


def patch_for(
    last_sent: Mapping[str, Any] | None,
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    keeps: Collection[str],
    prefix: str = "",
) -> Patch:
    """The patch for a client, or with ``prefix`` ``spouse.`` for a spouse; ``keeps``: names of `KEEPABLE`."""
    values, base = changed_fields(last_sent, ours), copy.deepcopy(dict(ours))
    written, edited = [], []
    for path, before, new in leaves(values, last_sent):
        now = _value_at(theirs, path)
        is_edited = canonical(now) not in (canonical(before), canonical(new))
        stays = is_edited and is_kept(prefix + path, keeps)
        if is_edited:
            edited.append(Edited(prefix + path, stays, now, new))
        if stays:
            _take_out(values, path)
            _put(base, path, before)
        else:
            written.append((prefix + path, now if is_edited else before, new))
    return Patch(values, tuple(written), tuple(edited), base)


def changed_fields(last_sent: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch: only fields whose value changed since we last sent them (EMY-UPDATE).

    A null that was never sent is no change; an object that replaces a null goes whole; fields that ours does not
    name are left alone.
    """
    patch: dict[str, Any] = {}
    for name, value in ours.items():
        sent = name in (last_sent or {})
        last = last_sent[name] if last_sent and sent else None
        if isinstance(value, Mapping) and (isinstance(last, Mapping) or not sent):
            inner = changed_fields(last, value)
            if inner:
                patch[name] = inner
        elif canonical(value) != canonical(last):
            patch[name] = copy.deepcopy(value)
    return patch


def is_kept(path: str, keeps: Collection[str]) -> bool:
    """Whether a field stays as somebody edited it at eMoney: by its own name, or with the object in which it lies."""
    return any(name in keeps for name in _with_holders(path))


def leaves(patch: Mapping[str, Any], base: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    """The fields of a merge patch: path, the value in ``base``, the new one."""
    found: list[tuple[str, Any, Any]] = []
    for name, value in patch.items():
        old = base.get(name) if isinstance(base, Mapping) else None
        if isinstance(value, dict):
            found.extend(leaves(value, old, f"{prefix}{name}."))
        else:
            found.append((prefix + name, old, value))
    return found


def patched(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch applied; a null stays a null, as the contract wants optional fields present."""
    merged = dict(target)
    for name, value in patch.items():
        inner = merged.get(name)
        merged[name] = patched(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return merged


def _value_at(node: Any, path: str) -> Any:
    for name in path.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _take_out(values: dict[str, Any], path: str) -> None:
    """Removes a field from a patch, and the objects that hold nothing any more."""
    name, _, rest = path.partition(".")
    if rest:
        _take_out(values[name], rest)
    if not rest or not values[name]:
        del values[name]


def _put(base: dict[str, Any], path: str, value: Any) -> None:
    name, _, rest = path.partition(".")
    if rest:
        _put(base[name], rest, value)
    else:
        base[name] = value
