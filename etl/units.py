"""Keys of units: a household is ``H12``, a contact who is a unit without a household ``C7`` (SCP-1, SCP-2).

Here alone such a key is put together and taken apart, one at a time or a whole column at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from etl.errors import ParamsError

if TYPE_CHECKING:
    import pandas as pd

HOUSEHOLD: Literal["H"] = "H"
CONTACT: Literal["C"] = "C"
_ENTITIES = {HOUSEHOLD: "household", CONTACT: "contact"}
# No more digits than the largest key has: a number of a million digits takes minutes to read.
_NUMBER = re.compile(r"-?[0-9]{1,19}")


class UnitKey(NamedTuple):
    """A unit's key, taken apart: its letter and the CRM's id. Keys sort by letter, then by number."""

    letter: str
    number: int

    @classmethod
    def parse(cls, text: str) -> UnitKey:
        """``H12`` or ``C7``. Raises `ParamsError` for any other text."""
        if not is_unit_key(text):
            raise ParamsError(f"{text!r} is no unit: a unit is such as H12 or C7.")
        return cls(text[0], int(text[1:]))

    @property
    def entity(self) -> str:
        """The kind of CRM record that the unit is: ``household`` or ``contact``."""
        return _ENTITIES[self.letter]

    @property
    def external_id(self) -> str:
        """The name of that record in receipts and at the vendors: ``household:12``, ``contact:7``."""
        return f"{self.entity}:{self.number}"

    def __str__(self) -> str:
        return f"{self.letter}{self.number}"


def is_key(text: str) -> bool:
    """Whether these are the digits of a key that the CRM may have: of a whole number of 64 bits."""
    return _NUMBER.fullmatch(text) is not None and -(2**63) <= int(text) < 2**63


def is_unit_key(text: object) -> bool:
    """Whether this names a unit: ``H12``, ``C7``."""
    return isinstance(text, str) and text[:1] in _ENTITIES and is_key(text[1:])


def household_key(household_id: int) -> str:
    """``H12``."""
    return f"{HOUSEHOLD}{household_id}"


def contact_key(contact_id: int) -> str:
    """``C7``."""
    return f"{CONTACT}{contact_id}"


def household_keys(household_ids: pd.Series[int]) -> pd.Series[str]:
    """The same of a column of ids."""
    return _keys(HOUSEHOLD, household_ids)


def contact_keys(contact_ids: pd.Series[int]) -> pd.Series[str]:
    """The same of a column of ids."""
    return _keys(CONTACT, contact_ids)


def _keys(letter: str, ids: pd.Series[int]) -> pd.Series[str]:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pa.array(ids.array, from_pandas=True).cast(pa.large_string())
    keys = pc.binary_join_element_wise(pa.scalar(letter, digits.type), digits, pa.scalar("", digits.type))
    return pd.Series(pd.array(keys, dtype="str"), ids.index, name=ids.name)


def are_households(unit_keys: pd.Series[str]) -> pd.Series[bool]:
    """Which keys of a column are households'."""
    return unit_keys.str.startswith(HOUSEHOLD)


def numbers_of(unit_keys: pd.Series[str]) -> pd.Series[int]:
    """The CRM's ids in a column of keys, int64."""
    return unit_keys.str[1:].astype("int64")
