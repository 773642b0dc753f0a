"""Names as they are compared: one Unicode form, independent of the keyboard or program that wrote them.

Only comparisons use this form. Vendors get every name code point for code point (DEM-TEXT).
"""

import difflib
import unicodedata
from collections.abc import Iterable


def name_form(name: str | None) -> str:
    """The form in which names and labels are compared: trimmed, in any case, composed (NFC). No name is empty text."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", (name or "").strip()).casefold())


def same_name(one: str | None, other: str | None) -> bool:
    """Whether two names are one: equal in any case, composed or decomposed."""
    return name_form(one) == name_form(other)


def spellings(*names: str) -> tuple[tuple[str, ...], ...]:
    """These names as they are, composed and decomposed, each once: who compares code points knows only one of them."""
    forms = (tuple(unicodedata.normalize(form, name) for name in names) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((names, *forms)))


def near(name: str, known: Iterable[str]) -> str:
    """`` Did you mean …?`` with the known names that resemble this one; empty where none does."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""
