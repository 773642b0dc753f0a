"""Differences between two documents, field by field, each with its path."""

from decimal import Decimal
from numbers import Number
from typing import Any

KEYS = ("externalSourceId", "sourceKey")
MISSING = object()


def compare_documents(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Every difference as ``path: expected …, actual …``.

    Numbers by value (10, 10.0 and Decimal("10.00") are equal), records in lists by externalSourceId or sourceKey, a
    field that one side leaves out is a difference, and so is true for 1.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            difference
            for name in sorted(expected.keys() | actual.keys())
            for difference in compare_documents(
                expected.get(name, MISSING), actual.get(name, MISSING), f"{path}.{name}" if path else name
            )
        ]
    if isinstance(expected, list) and isinstance(actual, list):
        return _compare_lists(expected, actual, path)
    if _is_number(expected) and _is_number(actual):
        same = Decimal(str(expected)) == Decimal(str(actual))
    else:
        same = type(expected) is type(actual) and expected == actual
    return [] if same else [f"{path}: expected {_show(expected)}, actual {_show(actual)}"]


def _compare_lists(expected: list[Any], actual: list[Any], path: str) -> list[str]:
    key = next(
        (name for name in KEYS if any(isinstance(item, dict) and name in item for item in expected + actual)), ""
    )
    if key:
        if len({item[key] for item in actual}) != len(actual):
            return [f"{path}: a key occurs twice in {[item[key] for item in actual]}"]
        return compare_documents(
            {f"[{item[key]}]": item for item in expected}, {f"[{item[key]}]": item for item in actual}, path
        )
    if len(expected) != len(actual):
        return [f"{path}: expected {expected!r}, actual {actual!r}"]
    pairs = enumerate(zip(expected, actual, strict=True))
    return [difference for index, (old, new) in pairs for difference in compare_documents(old, new, f"{path}[{index}]")]


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _show(value: Any) -> str:
    return "nothing" if value is MISSING else repr(value)
