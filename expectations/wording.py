"""From failing rows to findings: which field, and words that show a value's shape, never the value."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from expectations.conditions import finite, keeps
from expectations.facts.vendors import ENTITY
from expectations.rules import FINDING_COLUMNS
from expectations.rules.types import Check, Rule

Words = npt.NDArray[np.object_]

WHOLE_RECORD = "*"
"""The field of a record that is left out as a whole."""

NAMING_FIELDS = ("left_out", "faults")
"""The frames whose rows name the field in a column."""

LEFT_OUT_KEY = ["unit_key", "entity", "entity_id"]

SHOWABLE = frozenset((
    "person_role", "spouse_by_role", "spouse_by_relation", "spouse_word", "spouse_candidates",
    "spouse_candidates_gone", "spouse_unit_key", "unknown_owner", "twin_policy_id", "computed_figures",
    "export_missing", "import_missing", "busy_with", "present_contact_id", "present_count",
    "headless_households", "records", "source_cell", "source_record", "reason",
))  # fmt: skip
"""The columns a message may show: roles, counts, keys, the names of rights, tables, columns and of the CRM's users."""


def _date_shape(values: pd.Series, arguments: dict[str, Any]) -> Words:
    early = (values < pd.Timestamp(arguments["earliest"])).to_numpy(dtype=bool)
    words = np.where(early, f"is before {arguments['earliest'][:4]}", "is in the future")
    return np.where(values.isna().to_numpy(dtype=bool), "is blank", words).astype(object)


SHAPES: dict[str, Callable[[pd.Series, dict[str, Any]], Words | str]] = {
    "is_within_dates": _date_shape,
    "is_amount": lambda values, _: np.where(finite(values), "is negative", "is not a number").astype(object),
    "is_known": lambda values, _: np.where(finite(values), "is blank", "is not a number").astype(object),
    "is_not_zero": lambda *_: "is 0",
    "is_not_negative": lambda *_: "is negative",
    "is_name": lambda *_: "has no letter, or one that was lost",
    "is_possible": lambda *_: "is beyond what a loan can have",
}
"""The shape of a failing cell by the condition that it breaks; by any other condition it is blank."""


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


def _cells(check: Check, rows: pd.DataFrame, arguments: dict[str, Any]) -> tuple[Words | str, Words | str]:
    """The labels that fail in each row, and what is wrong with them; one text where all rows have the same.

    The columns of a check with one label for each are asked one by one, by the very condition that failed the row.
    """
    if len(check.columns) != len(check.labels):
        return check.labels[0], ""
    fields, words = [], []
    for column, label in zip(check.columns, check.labels, strict=True):
        fails = ~keeps(rows, check.condition, [column], arguments)
        fields.append(np.where(fails, label, "").astype(object))
        shape = SHAPES[check.condition](rows[column], arguments) if check.condition in SHAPES else "is blank"
        words.append(np.where(fails, f"{label} " + shape, "").astype(object))
    return _join(fields, ", "), _join(words, ", ")


def _messages(template: str, rows: pd.DataFrame, cells: Words | str) -> Words | str:
    names = placeholders(template)
    if not names:
        return template
    columns = [cells if name == "cells" else rows[name].to_numpy(dtype=object) for name in names]
    pattern = re.sub(r"\{\w+\}", "{}", template)
    return np.array([pattern.format(*values) for values in zip(*columns, strict=True)], dtype=object)


def _texts(words: pd.Series | Words | str, count: int) -> pd.Series:
    """A column of texts; one text for all rows is repeated without a detour through Python objects."""
    if isinstance(words, str):
        return pd.Series(pa.repeat(pa.scalar(words, pa.large_string()), count), dtype="str")
    if isinstance(words, pd.Series):
        return words.astype("str").reset_index(drop=True)
    return pd.Series(words, dtype="str")


def needed_columns(rule: Rule, check: Check) -> list[str]:
    """The columns of facts that the findings of a check are worded from."""
    named = [name for name in placeholders(check.message or rule.message) if name != "cells"]
    shown = ["entity", "field"] if check.frame in NAMING_FIELDS else [] if check.frame in ENTITY else ["entity"]
    return list(dict.fromkeys(["unit_key", "entity_id", *check.among, *check.columns, *named, *shown]))


def word_findings(vendor: str, rule: Rule, check: Check, rows: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame:
    """The findings of one check: one row for each failing record, columns as FINDING_COLUMNS.

    ``rows`` are the failing rows, with their `needed_columns`.
    """
    fields, cells = _cells(check, rows, arguments)
    texts: dict[str, pd.Series | Words | str] = {
        "vendor": vendor,
        "unit_key": rows["unit_key"],
        "rule_id": rule.rule_id,
        "severity": rule.severity,
        "entity": rows["entity"] if "entity" in rows else ENTITY[check.frame],
        "field": _named_fields(rows, check) if check.frame in NAMING_FIELDS else fields,
        "message": _messages(check.message or rule.message, rows, cells),
        "remedy": check.remedy or rule.remedy,
    }
    columns = {name: _texts(words, len(rows)) for name, words in texts.items()}
    findings = pd.DataFrame({**columns, "entity_id": rows["entity_id"].to_numpy(dtype="int64")})[list(FINDING_COLUMNS)]
    return _merge_fields(findings) if check.frame == "left_out" else findings


def _named_fields(rows: pd.DataFrame, check: Check) -> pd.Series:
    """The field of facts, or the check's label where the record is left out as a whole."""
    named = rows["field"].notna() & (rows["field"] != WHOLE_RECORD)
    return rows["field"].where(named, check.labels[0])


def _merge_fields(findings: pd.DataFrame) -> pd.DataFrame:
    """One finding a record, naming all its fields: a policy may leave out several beneficiaries."""
    if not findings["entity_id"].duplicated().any() or not findings.duplicated(LEFT_OUT_KEY).any():
        return findings
    fields: dict[tuple[object, ...], list[str]] = {}
    for *record, field in findings[[*LEFT_OUT_KEY, "field"]].itertuples(index=False, name=None):
        fields.setdefault(tuple(record), []).append(field)
    merged = findings.drop_duplicates(LEFT_OUT_KEY, ignore_index=True)
    return merged.assign(field=pd.Series([", ".join(dict.fromkeys(names)) for names in fields.values()], dtype="str"))
