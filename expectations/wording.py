"""From failing rows to findings: which field, and words that show a value's shape, never the value."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from expectations.conditions import finite, keeps
from expectations.facts import ENTITY
from expectations.rule_types import Check, Rule

Words = npt.NDArray[np.object_]

WHOLE_RECORD = "*"
"""The field of a record that is left out as a whole."""

LEFT_OUT_KEY = ["unit_key", "entity", "entity_id"]

SHOWABLE = frozenset(
    (
        "person_role",
        "spouse_candidates",
        "spouse_candidates_gone",
        "spouse_unit_key",
        "twin_policy_id",
        "computed_figures",
    )
)
"""The columns a message may show: roles, counts and keys."""


def _blank_words(values: pd.Series, arguments: dict[str, Any]) -> Words:
    return np.full(len(values), "is blank", dtype=object)


def _date_words(values: pd.Series, arguments: dict[str, Any]) -> Words:
    early = (values < pd.Timestamp(arguments["earliest"])).to_numpy(dtype=bool)
    words = np.where(early, f"is before {arguments['earliest'][:4]}", "is in the future")
    return np.where(values.isna().to_numpy(dtype=bool), "is blank", words).astype(object)


def _amount_words(values: pd.Series, arguments: dict[str, Any]) -> Words:
    return np.where(finite(values), "is negative", "is not a number").astype(object)


def _known_words(values: pd.Series, arguments: dict[str, Any]) -> Words:
    return np.where(finite(values), "is blank", "is not a number").astype(object)


def _zero_words(values: pd.Series, arguments: dict[str, Any]) -> Words:
    return np.full(len(values), "is 0", dtype=object)


SHAPES: dict[str, Callable[[pd.Series, dict[str, Any]], Words]] = {
    "is_filled": _blank_words,
    "is_within_dates": _date_words,
    "is_amount": _amount_words,
    "is_known": _known_words,
    "is_not_zero": _zero_words,
}


def placeholders(template: str) -> list[str]:
    """The names in braces of a message."""
    return re.findall(r"\{(\w+)\}", template)


def _join(parts: Sequence[Words], separator: str) -> Words:
    """The parts of each row that are not empty, joined."""
    joined = parts[0]
    for part in parts[1:]:
        between = np.where((joined != "") & (part != ""), separator, "")
        joined = joined + between.astype(object) + part
    return joined


def _cells(check: Check, rows: pd.DataFrame, arguments: dict[str, Any]) -> tuple[Words, Words]:
    """The labels that fail in each row, and what is wrong with them.

    The columns of a check with one label for each are asked one by one, by the very condition that failed the row.
    """
    if len(check.columns) != len(check.labels):
        return np.full(len(rows), check.labels[0], dtype=object), np.full(len(rows), "", dtype=object)
    fields, words = [], []
    for column, label in zip(check.columns, check.labels, strict=True):
        fails = ~keeps(rows, check.condition, [column], arguments)
        fields.append(np.where(fails, label, "").astype(object))
        shape = SHAPES.get(check.condition, _blank_words)(rows[column], arguments)
        words.append(np.where(fails, f"{label} " + shape, "").astype(object))
    return _join(fields, ", "), _join(words, ", ")


def _messages(template: str, rows: pd.DataFrame, cells: Words) -> Words:
    names = placeholders(template)
    if not names:
        return np.full(len(rows), template, dtype=object)
    columns = [cells if name == "cells" else rows[name].to_numpy(dtype=object) for name in names]
    pattern = re.sub(r"\{\w+\}", "{}", template)
    return np.array([pattern.format(*values) for values in zip(*columns, strict=True)], dtype=object)


def word_findings(vendor: str, rule: Rule, check: Check, rows: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame:
    """The findings of one check: one row for each failing record, columns as FINDING_COLUMNS.

    ``rows`` are the failing rows with all their columns.
    """
    count = len(rows)
    fields, cells = _cells(check, rows, arguments)
    if check.frame == "left_out":
        parts = rows["field"].to_numpy(dtype=object)
        fields = np.where(rows["field"].isna() | (rows["field"] == WHOLE_RECORD), fields, parts)
    entities = rows["entity"].to_numpy(dtype=object) if "entity" in rows else ENTITY[check.frame]
    findings = pd.DataFrame(
        {
            "vendor": vendor,
            "unit_key": rows["unit_key"].to_numpy(dtype=object),
            "rule_id": rule.rule_id,
            "severity": rule.severity,
            "entity": entities,
            "entity_id": rows["entity_id"].to_numpy(dtype="int64"),
            "field": fields,
            "message": _messages(check.message or rule.message, rows, cells),
            "remedy": check.remedy or rule.remedy,
        },
        index=range(count),
    )
    return _merge_fields(findings) if check.frame == "left_out" else findings


def _merge_fields(findings: pd.DataFrame) -> pd.DataFrame:
    """One finding a record, naming all its fields: a policy may leave out several beneficiaries."""
    if not findings.duplicated(LEFT_OUT_KEY).any():
        return findings
    fields: dict[tuple[object, ...], list[str]] = {}
    for *record, field in findings[[*LEFT_OUT_KEY, "field"]].itertuples(index=False, name=None):
        fields.setdefault(tuple(record), []).append(field)
    merged = findings.drop_duplicates(LEFT_OUT_KEY, ignore_index=True)
    return merged.assign(field=[", ".join(dict.fromkeys(names)) for names in fields.values()])
