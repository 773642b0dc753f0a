"""The columns of facts: what a column of a frame may hold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from etl.errors import GateBroken

Kind = Literal["text", "whole", "flag", "date"]


@dataclass(frozen=True)
class FactColumn:
    """``required``: a null here means that the frame is broken, not that a steward has something to mend."""

    kind: Kind
    required: bool = False
    values: tuple[str, ...] = ()

    def check(self, frame: str, name: str, cells: pd.Series) -> None:
        """Raises `GateBroken` for another dtype, a null in a required column, or a value outside ``values``."""
        if not self._can_hold(cells):
            raise GateBroken(f"facts {frame}: column {name} is {cells.dtype}, not {self.kind}")
        if self.required and cells.isna().any():
            raise GateBroken(f"facts {frame}: column {name} is null in {int(cells.isna().sum())} rows")
        if self.values and not cells.dropna().isin(self.values).all():
            raise GateBroken(f"facts {frame}: column {name} holds values outside {', '.join(self.values)}")

    def _can_hold(self, cells: pd.Series) -> bool:
        """Whether the dtype is of this kind; objects count as text when every value that is there is a string."""
        if self.kind == "whole":
            return pd.api.types.is_integer_dtype(cells.dtype)
        if self.kind == "flag":
            return pd.api.types.is_bool_dtype(cells.dtype)
        if self.kind == "date":
            return pd.api.types.is_datetime64_dtype(cells.dtype)
        if isinstance(cells.dtype, pd.StringDtype):
            return True
        return cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=True) in ("string", "empty")


KINDS = {
    "key": FactColumn("text", required=True),
    "number": FactColumn("whole", required=True),
    "flag": FactColumn("flag", required=True),
    "text": FactColumn("text"),
    "whole": FactColumn("whole"),
    "date": FactColumn("date"),
}


def read_frames(text: str) -> dict[str, dict[str, FactColumn]]:
    """Frames that are written as text, a paragraph each: the name, then the columns, separated by commas.

    Columns are written ``name … kind`` (`KINDS`) or, for a text, ``name value | value``, with ``null`` where it may be
    null. What follows ``--`` is a comment.
    """
    frames: dict[str, dict[str, FactColumn]] = {}
    for paragraph in re.sub(r"--.*", "", text).strip().split("\n\n"):
        frame, columns = paragraph.split(maxsplit=1)
        frames[frame] = {name: column for part in columns.split(",") for name, column in _columns(part)}
    return frames


def _columns(part: str) -> Iterator[tuple[str, FactColumn]]:
    if "|" in part:
        name, *values = part.replace("|", " ").split()
        yield name, FactColumn("text", "null" not in values, tuple(value for value in values if value != "null"))
    else:
        *names, kind = part.split()
        yield from ((name, KINDS[kind]) for name in names)
