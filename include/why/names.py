"""The names under which people ask for a field, for each vendor.

Profiles: ``clientA.homePhone``, ``assets[account:5].holdingsValue`` or ``account:5.holdingsValue``. eMoney:
``client.homePhone``, ``spouse.cellPhone``, ``items[account:5].holdingsValue`` or ``account:5.holdingsValue``. A CRM
column may be asked for by its record: ``liability:4.lender``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from etl.errors import ParamsError
from etl.load.profiles.document import show
from etl.load.profiles.field_paths import read_paths
from etl.names import near
from etl.values import Vendor
from include.why.origins import ITEMS, ROLES, fate_of_column, person_names

_ITEM = re.compile(r"(?:items\[)?((?:account|policy):-?\d+)\]?(?:\.(\w+))?$")
_RECORD = re.compile(r"([a-z]+):(-?\d+)\.([a-z_]+)$")


def field_names(vendor: Vendor, text: str) -> tuple[str, ...]:
    """The names, written whole, that a text may stand for: fields, objects or items. Raises `ParamsError`."""
    if vendor == "profiles":
        return tuple(show(path) for path in read_paths(text))
    return (_emoney_name(text.strip()),)


def _emoney_name(text: str) -> str:
    item = _ITEM.match(text)
    if item is not None:
        key, leaf = item.groups()
        fields = ITEMS[("emoney", "items", key.partition(":")[0])]
        if leaf is not None and leaf not in fields:
            raise ParamsError(f"{text!r}: {leaf} is no field of an item of eMoney's.{near(leaf, fields)}")
        return f"items[{key}]" + (f".{leaf}" if leaf else "")
    roles = ROLES["emoney"]
    known = [f"{role}.{name}" for role in roles for name in person_names("emoney", role)]
    for name in (text, f"client.{text}"):
        if name in (*known, *roles) or any(one.startswith(f"{name}.") for one in known):
            return name
    raise ParamsError(f"{text!r} is no field at eMoney.{near(text, known)}")


def record_column(text: str) -> tuple[str, int, str] | None:
    """entity, id, CRM column, where the text names one that the CRM has."""
    found = _RECORD.match(text.strip())
    if found is None or fate_of_column(found[1], found[3], "profiles") is None:
        return None
    return found[1], int(found[2]), found[3]


def split(name: str) -> tuple[str, str, str]:
    """list (empty for a person), subject (``clientA``, ``account:5``), field of a name written whole."""
    at = name.rfind("[")
    if at < 0:
        subject, _, leaf = name.partition(".")
        return "", subject, leaf
    lists = re.findall(r"(\w+)\[", name)
    subject, _, leaf = name[at + 1 :].partition("]")
    return lists[-1], subject, leaf.removeprefix(".")


def is_part_of(name: str, whole: str) -> bool:
    """Whether a name is the other, or a field of that object or item."""
    return name == whole or name.startswith((f"{whole}.", f"{whole}["))


def holders(name: str) -> Sequence[str]:
    """The items and objects in which a field lies, nearest first: a decision about them is one about it."""
    ends = [at for at, letter in enumerate(name) if letter in ".["]
    cut = {name[:at] for at in ends} | {name[: at + 1] for at, letter in enumerate(name) if letter == "]"}
    return sorted(cut - {name}, key=len, reverse=True)
