"""Checks of a vendor's answers, which are hostile input: each gives the value of the type it names, or Unreadable."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from etl.load.http.strict_json import Unreadable

T = TypeVar("T")
ID = re.compile(r"[A-Za-z0-9_.:~-]{1,128}")


def an_object(value: Any, name: str = "answer") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"has no object as its {name}")
    return value


def a_list(node: Mapping[str, Any], name: str, read: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    """The objects of a list, each read by ``read``."""
    items = node.get(name)
    if not isinstance(items, list):
        raise Unreadable(f"has no list {name}")
    return tuple(read(an_object(item, f"item of {name}")) for item in items)


def an_id(node: Mapping[str, Any], name: str) -> str:
    """An id or a version as text; vendors give some of them as numbers."""
    value = node.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not ID.fullmatch(text) or not text.strip("."):
        raise Unreadable(f"has no usable {name}")
    return text


def text_or_none(node: Mapping[str, Any], name: str) -> str | None:
    value = node.get(name)
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"has a {name} that is no text")
    return value


def one_of(node: Mapping[str, Any], name: str, *words: str) -> Any:
    value = node.get(name)
    if not isinstance(value, str) or value not in words:
        raise Unreadable(f"has a {name} that the contract does not know")
    return value


def a_token(node: Mapping[str, Any], name: str) -> str:
    """Text that can stand in a header."""
    value = node.get(name)
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value.strip():
        raise Unreadable(f"has no usable {name}")
    return value


def seconds_or_none(node: Mapping[str, Any], name: str) -> float | None:
    value = node.get(name)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else None


def the_one_asked_for(name: str, given: str, asked: str) -> str:
    """``given``, where it is the record that was asked for."""
    if given != asked:
        raise Unreadable(f"has another {name} than the one asked for")
    return given
