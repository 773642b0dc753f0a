"""The frames of what a report is made of: empty ones, and a check of their columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """A frame of texts with these columns and no rows."""
    return pd.DataFrame({column: pd.Series(dtype="str") for column in columns})


def require_columns(of: object, what: str, **columns_of: Sequence[str]) -> None:
    """Each named frame of ``of`` has its columns. Raises `ValueError` naming those that are missing."""
    for name, columns in columns_of.items():
        missing = [column for column in columns if column not in getattr(of, name).columns]
        if missing:
            raise ValueError(f"The {what}'s {name} lack the columns {', '.join(missing)}")
