"""The fields of the vendors' documents: the names under which people ask for them, and the column behind each.

Profiles: ``clientA.homePhone``, ``assets[account:5].holdingsValue`` or ``account:5.holdingsValue``. eMoney:
``client.homePhone``, ``spouse.cellPhone``, ``items[account:5].holdingsValue`` or ``account:5.holdingsValue``. A CRM
column may be asked for by its record: ``liability:4.lender``.

The sources are those of the field tables. Where the source depends on the data (which phone was picked, which figures
of a loan were sent), the recorded lineage takes precedence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from etl.errors import ParamsError
from etl.load.profiles.document import show
from etl.load.profiles.field_paths import read_paths
from etl.names import near
from etl.transform.mapping.columns import source_columns
from etl.transform.mapping.fields import ADDRESS_FIELDS, Field, item_fields, role_fields
from etl.values import ADDRESS_VALUES, Vendor


def _sources(item: str) -> dict[str, Field]:
    return {field.name: field for field in item_fields(item) if field.table}


# By vendor, the list in which an item stands (eMoney: items) and the entity of its key: API field -> its source.
ITEMS: dict[tuple[str, str, str], dict[str, Field]] = {
    ("profiles", "assets", "account"): _sources("asset"),
    ("profiles", "assets", "policy"): _sources("annuity"),
    ("profiles", "holdings", "position"): _sources("holding"),
    ("profiles", "liabilities", "liability"): _sources("liability"),
    ("profiles", "insurancePolicies", "policy"): _sources("policy"),
    ("emoney", "items", "account"): _sources("investment_item"),
    ("emoney", "items", "policy"): _sources("policy_item"),
}
# Tables that an item reaches by its policy: their rows are looked up by the policy's key.
BY_POLICY = ("carrier", "product", "policy_beneficiary")
ROLES = {"profiles": ("clientA", "clientB"), "emoney": ("client", "spouse")}
# Fields of a role that come from no value of the field matrix.
SET_BY_RULE = {
    "client": (
        Field("maritalStatus", "", "key_relation", "relation", "EMY-MARRIED"),
        Field("ownerId", "", "contact", "assigned_user_id", "EMY-OWNER"),
    ),
}
# The CRM's tables by the entities of receipts and keys.
TABLES = {
    "contact": "contact", "address": "contact_address", "phone": "contact_phone", "email": "contact_email",
    "account": "investment_account", "position": "investment_position", "liability": "liability", "policy": "policy",
    "household": "household",
}  # fmt: skip

_ITEM = re.compile(r"(?:items\[)?((?:account|policy):-?\d+)\]?(?:\.(\w+))?$")
_RECORD = re.compile(r"([a-z]+):(-?\d+)\.([a-z_]+)$")


def field_names(vendor: str, text: str) -> tuple[str, ...]:
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


def written_whole(vendor: str, name: str) -> str:
    """A field as the documents name it: decisions at eMoney name the client's fields without ``client.``."""
    is_whole = vendor != "emoney" or name == "spouse" or name.startswith(("spouse.", "items["))
    return name if is_whole else f"client.{name}"


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


def person_sources(role: str) -> dict[str, Field]:
    """API field -> its source, of the fields that a role gets; of an address the object and each part."""
    return _matrix(role) | {field.name: field for field in SET_BY_RULE.get(role, ())}


def person_names(vendor: str, role: str) -> tuple[str, ...]:
    """All fields that the vendor has for a client, also those that this role never gets."""
    known = _matrix(ROLES[vendor][0]) | person_sources(role)
    return tuple(name for name, field in known.items() if field.column)


def _matrix(role: str) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for field in role_fields(role):
        found[field.name] = field
        if field.value in ADDRESS_VALUES:
            found |= {f"{field.name}.{part}": replace(field, column=column) for part, column in ADDRESS_FIELDS}
    return found


def fate_of_column(entity: str, column: str, vendor: str) -> str | None:
    """What the table of source columns says of a CRM column; None where the CRM has no such column."""
    found = (each for each in source_columns() if (each.table, each.column) == (TABLES.get(entity), column))
    return next((each.fate(cast(Vendor, vendor)) for each in found), None)
