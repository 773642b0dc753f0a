"""Records on pages: as text, as the controls of a form, and read back from what was typed into the form."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from include.sandbox.common.records import Column, Record, columns, is_number
from include.sandbox.common.wire import Json


class Control(NamedTuple):
    """One control of a form. `name` is the path in the record, `group` the heading that the control stands under."""

    name: str
    column: Column
    value: str
    group: str


def as_text(value: Any, kind: str) -> str:
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


def _fields(model: type[Record]) -> list[Column]:
    """The fields of one record; lists of records have forms of their own."""
    return [column for column in columns(model) if column.kind != "list"]


def shown(model: type[Record], record: Json, group: str = "") -> list[tuple[str, str, str]]:
    """(group, label, text) of every known field. A record inside is opened up, after the others, unless it is empty."""
    rows: list[tuple[str, str, str]] = []
    opened: list[tuple[str, str, str]] = []
    for column in _fields(model):
        value = record.get(column.name)
        inner = shown(column.model, value or {}, column.label) if column.model else []
        if any(text for _, _, text in inner):
            opened += inner
        else:
            rows.append((group, column.label, "" if column.model else as_text(value, column.kind)))
    return rows + opened


def unknown(model: type[Record], record: Json) -> Json:
    """What the record holds beyond its model."""
    known = {column.name for column in columns(model)}
    return {name: value for name, value in record.items() if name not in known}


def controls(model: type[Record], record: Json, at: str = "", group: str = "") -> list[Control]:
    """The controls of a form over the record. Those of a record inside come last, together under its heading."""
    found: list[Control] = []
    for column in sorted(_fields(model), key=lambda column: column.kind == "record"):
        value = record.get(column.name)
        if column.model:
            inner = value if isinstance(value, dict) else {}
            found += controls(column.model, inner, f"{at}{column.name}.", column.label)
        else:
            text = as_text(value, "texts") if isinstance(value, list) else "" if value is None else str(value)
            found.append(Control(at + column.name, column, text, group))
    return found


def taken(model: type[Record], record: Json, form: Mapping[str, str], at: str = "") -> Json:
    """The record with what was typed into the form; a record inside whose values are all blank becomes null."""
    result = dict(record)
    for column in _fields(model):
        if column.model:
            inner = taken(column.model, record.get(column.name) or {}, form, f"{at}{column.name}.")
            result[column.name] = None if all(value is None for value in inner.values()) else inner
        elif at + column.name in form:
            result[column.name] = _typed(column, form[at + column.name].strip())
    return result


def _typed(column: Column, text: str) -> Any:
    """The value that was typed; None for blank. What cannot be read stays text, which the model then refuses."""
    if column.kind == "texts":
        return [entry.strip() for entry in text.split(",") if entry.strip()]
    if not text:
        return None
    if not column.is_number:
        return text
    try:
        number = Decimal(text.replace(",", "").lstrip("$").rstrip("% "))
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    return int(number) if number == number.to_integral_value() and abs(number) < 10**18 else number
