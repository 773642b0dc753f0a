"""What a value looks like, for messages, logs and pages that may not show the value."""

import re
from decimal import Decimal
from typing import Any

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")


def shape_of(value: Any) -> str:
    """What a value looks like, without the value: ``text of 12 characters``, ``a date``, ``null``."""
    if value is None or value == [] or value == {}:
        return "null"
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float | Decimal):
        whole = abs(int(value))
        sign = "negative " if value < 0 else ""
        digits = len(str(whole))
        return "0" if value == 0 else f"a {sign}number of {digits} digit{'s' if digits > 1 else ''} before the point"
    if isinstance(value, str):
        return "a date" if _DATE.match(value) else f"text of {len(value)} character{'s' if len(value) != 1 else ''}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an object"
