"""Field tables: one list of fields serves validation, completion with nulls, display and forms."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NUMBER_KINDS = ("money", "rate", "number", "count")
Record = dict[str, Any]
Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One named value of a record.

    kind: text · date · money · rate (percent) · number · count · choice (one of `options`) · texts (list of text) ·
    group (a record or null) · whole (a record, never null) · any. `options` of a text are suggestions; group and
    whole have `children`.
    """

    name: str
    label: str
    kind: str = "text"
    options: tuple[str, ...] = ()
    children: tuple["Field", ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One control of a form; `group` is the heading that it stands under."""

    name: str
    label: str
    kind: str
    value: str
    options: tuple[str, ...]
    required: bool
    group: str


def complete(fields: tuple[Field, ...], record: Mapping[str, Any]) -> Record:
    """The record with every known field present, null where it was not given; unknown fields stay."""
    whole: Record = dict.fromkeys([field.name for field in fields])
    whole.update(record)
    for field in fields:
        if field.children:
            value = whole[field.name]
            if value is None and field.kind == "whole":
                value = {}
            if isinstance(value, dict):
                whole[field.name] = complete(field.children, value)
        elif field.kind == "texts" and whole[field.name] is None:
            whole[field.name] = []
    return whole


def is_number(value: Any) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_date(value: Any) -> bool:
    if not isinstance(value, str) or ISO_DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _wrong_type(field: Field, value: Any) -> str | None:
    match field.kind:
        case "text":
            return None if isinstance(value, str) else "must be text"
        case "date":
            return None if is_date(value) else "must be a date, YYYY-MM-DD"
        case "money" | "rate" | "number":
            return None if is_number(value) else "must be a number"
        case "count":
            return None if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
        case "choice":
            return None if value in field.options else f"must be one of {', '.join(field.options)}"
        case "texts":
            whole = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
            return None if whole else "must be a list of text"
        case "group" | "whole":
            return None if isinstance(value, dict) else "must be an object"
    return None


def problems(fields: tuple[Field, ...], record: Mapping[str, Any], at: str = "") -> Iterator[Problem]:
    """(path, message) for each value of a wrong type and each required field that is null or blank."""
    for field in fields:
        value = record.get(field.name)
        if value is None:
            if field.required:
                yield at + field.name, f"The {field.name} field is required."
            continue
        wrong = _wrong_type(field, value)
        if wrong is not None:
            yield at + field.name, f"The {field.name} field {wrong}."
        elif field.children:
            yield from problems(field.children, value, f"{at}{field.name}.")
        elif field.required and isinstance(value, str) and not value.strip():
            yield at + field.name, f"The {field.name} field must not be blank."


def as_text(kind: str, value: Any) -> str:
    """A value as a person reads it; empty for null."""
    if value is None:
        return ""
    if kind == "money" and is_number(value):
        return f"{Decimal(str(value)):,.2f}"
    if kind == "rate" and is_number(value):
        return f"{Decimal(str(value)):f} %"
    if kind == "texts" and isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _groups_last(fields: tuple[Field, ...]) -> list[Field]:
    """In the order in which a person reads them: a group's heading would otherwise cover what comes after it."""
    return sorted(fields, key=lambda field: bool(field.children))


def shown(fields: tuple[Field, ...], record: Mapping[str, Any] | None, group: str = "") -> list[tuple[str, str, str]]:
    """(group, label, text) of every known field; groups are opened up, but for empty ones."""
    rows: list[tuple[str, str, str]] = []
    opened: list[tuple[str, str, str]] = []
    for field in fields:
        value = (record or {}).get(field.name)
        if not field.children:
            rows.append((group, field.label, as_text(field.kind, value)))
            continue
        inner = shown(field.children, value if isinstance(value, dict) else None, field.label)
        if any(text for _, _, text in inner):
            opened += inner
        else:
            rows.append((group, field.label, ""))
    return rows + opened


def unknown(fields: tuple[Field, ...], record: Mapping[str, Any], *known: str) -> Record:
    """What the record holds beyond its field table (and the names in `known`)."""
    names = {field.name for field in fields} | set(known)
    return {name: value for name, value in record.items() if name not in names}


def inputs(fields: tuple[Field, ...], record: Mapping[str, Any] | None, at: str = "", group: str = "") -> list[Input]:
    """The controls of a form over the record, those of one group together."""
    controls: list[Input] = []
    for field in _groups_last(fields):
        value = (record or {}).get(field.name)
        if field.children:
            inner = value if isinstance(value, dict) else None
            controls += inputs(field.children, inner, f"{at}{field.name}.", field.label)
            continue
        text = as_text("texts", value) if isinstance(value, list) else "" if value is None else str(value)
        controls.append(Input(at + field.name, field.label, field.kind, text, field.options, field.required, group))
    return controls


def _read(kind: str, text: str) -> Any:
    """The value that was typed; None for blank; what cannot be read stays text, which `problems` then refuses."""
    typed = text.strip()
    if kind == "texts":
        return [entry.strip() for entry in typed.split(",") if entry.strip()]
    if not typed:
        return None
    if kind not in NUMBER_KINDS:
        return typed
    digits = typed.replace(",", "").lstrip("$").rstrip("% ")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return typed
    if not number.is_finite():
        return typed
    return int(number) if number == number.to_integral_value() and abs(number) < 10**18 else number


def taken(fields: tuple[Field, ...], record: Mapping[str, Any], form: Mapping[str, Any], at: str = "") -> Record:
    """The record with what was typed into the form; a group whose fields are all blank becomes null."""
    result = dict(record)
    for field in fields:
        if field.children:
            before = record.get(field.name)
            group = taken(field.children, before if isinstance(before, dict) else {}, form, f"{at}{field.name}.")
            empty = field.kind == "group" and all(value is None for value in group.values())
            result[field.name] = None if empty else group
        elif at + field.name in form:
            result[field.name] = _read(field.kind, str(form[at + field.name]))
    return result
