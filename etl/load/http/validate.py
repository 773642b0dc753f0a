"""Models of a vendor's responses, which are hostile input: what does not fit its model is Unreadable."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from etl.load.http.request import SignedIn
from etl.load.http.strict_json import Unreadable

T = TypeVar("T")


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a response. Fields that it does not name are ignored. Its text form shows no client data."""

    def __repr__(self) -> str:
        return type(self).__name__


if TYPE_CHECKING:
    Id = str
    Token = str
else:

    class _Plain(type):
        """The type of kinds of text whose values are plain ``str``: msgspec asks for an instance of the kind."""

        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, str)

    class Id(metaclass=_Plain):
        """An id or a version; vendors give some of them as numbers."""

    class Token(metaclass=_Plain):
        """Text that can stand in a header."""


def _text_of_kind(kind: type, value: Any) -> str:
    text = str(value) if kind is Id and type(value) is int else value
    if not isinstance(text, str) or not _FORMS[kind](text):
        raise ValueError("Expected text of another form")
    return text


_FORMS: dict[type, Callable[[str], Any]] = {
    Id: re.compile(r"(?!\.+$)[A-Za-z0-9_.:~-]{1,128}").fullmatch,
    Token: re.compile(r" *[!-~][ -~]*").fullmatch,
}


def read(value: Any, kind: type[T], name: str = "answer") -> T:
    """The value as this type. Raises Unreadable that says what is wrong and where, and never repeats a value."""
    try:
        return msgspec.convert(value, kind, dec_hook=_text_of_kind)
    except msgspec.ValidationError as error:
        what = re.sub(r"^Invalid enum value .*?(?= - at `|$)", "Unknown word", str(error), flags=re.DOTALL)
    raise Unreadable(f"has no usable {name}: {what}")


def read_list(body: Any, name: str, model: type[T]) -> tuple[T, ...]:
    """The list of that name in an object."""
    return read(an_object(body).get(name), tuple[model, ...], name)  # type: ignore[valid-type]  # msgspec takes types made at run time


def read_id(body: Any, name: str) -> str:
    """The id of that name in an object."""
    return read(an_object(body).get(name), Id, name)


def read_sign_in(body: Any, name: str, headers: Mapping[str, str] | None = None) -> SignedIn:
    """What a log-in gave: the token of that name, sent with ``headers``; ``expires_in`` seconds, if it is said."""
    token, seconds = read(an_object(body).get(name), Token, name), body.get("expires_in")
    lasts = float(seconds) if isinstance(seconds, int) and not isinstance(seconds, bool) else None
    return SignedIn({"Authorization": f"Bearer {token}", **(headers or {})}, lasts)


def an_object(value: Any, name: str = "answer") -> dict[str, Any]:
    """The value, which has to be an object."""
    if not isinstance(value, dict):
        raise Unreadable(f"has no object as its {name}")
    return value


def require_asked_for(name: str, given: str | None, asked: str) -> None:
    """Raises Unreadable for another record than the one asked for."""
    if given != asked:
        raise Unreadable(f"has another {name} than the one asked for")
