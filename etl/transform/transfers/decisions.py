"""Decisions on the rows of one table: a row moves until a rule says stay; the first such rule is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from etl import canonical, schema
from etl.transform.arrays import Flags, Objects

Ids: TypeAlias = "pd.Series[Any]"
Reasons: TypeAlias = "str | pd.Series[Any] | Objects"


@dataclass
class Decisions:
    """Whether each row of a table moves, by which rule and why. ``rows`` is not changed."""

    entity: str
    rows: pd.DataFrame
    moves: Flags
    rules: Objects
    reasons: Objects
    recreates: bool = False

    @classmethod
    def all_move(cls, entity: str, rows: pd.DataFrame, rule_id: str, reason: str) -> Decisions:
        size = len(rows)
        return cls(entity, rows, np.ones(size, bool), _filled(size, rule_id), _filled(size, reason))

    @classmethod
    def none_moves(cls, entity: str, rows: pd.DataFrame, rule_id: str, reason: str) -> Decisions:
        size = len(rows)
        return cls(entity, rows, np.zeros(size, bool), _filled(size, rule_id), _filled(size, reason))

    def stay(self, where: Any, rule_id: Reasons, reason: Reasons) -> None:
        """Lets those of these rows stay that still move; rule and reason: one for all, or one for each row."""
        now = truth(where) & self.moves
        self.moves = self.moves & ~now
        for values, given in ((self.rules, rule_id), (self.reasons, reason)):
            values[now] = given if isinstance(given, str) else np.asarray(given, dtype=object)[now]

    @property
    def ids(self) -> pd.Series[str]:
        return canonical.row_ids(self.entity, self.rows)

    def moving_keys(self) -> Ids:
        """The keys (of one column) of the rows that move."""
        key = next(iter(schema.metadata.tables[self.entity].primary_key.columns)).name
        keys: Ids = self.rows.loc[self.moves, key]
        return keys

    def follow(self, parents: Decisions, column: str, is_called: str, stranger: tuple[str, str]) -> None:
        """Lets rows stay with their parent, by its rule; ``stranger``: rule and reason where the parent is missing."""
        key = next(iter(schema.metadata.tables[parents.entity].primary_key.columns)).name
        at = pd.Index(parents.rows[key]).get_indexer(pd.Index(self.rows[column]))
        self.stay(at < 0, *stranger)
        parent_stays = ~np.append(parents.moves, False)[at]
        rules = np.append(parents.rules, np.array([None], dtype=object))[at]
        self.stay(parent_stays, rules, f"{is_called} stays")


def truth(where: Any) -> Flags:
    """A condition on nullable columns as plain flags; null counts as false."""
    flags: Flags = pd.Series(where).to_numpy(dtype=bool, na_value=False)
    return flags


def worded(before: str, ids: Ids, after: str) -> Objects:
    """``before <id> after`` for each row."""
    words: Objects = (before + ids.astype("str").fillna("") + after).to_numpy(dtype=object)
    return words


def _filled(size: int, text: str) -> Objects:
    filled: Objects = np.full(size, text, dtype=object)
    return filled
