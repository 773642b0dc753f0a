"""Records of the vendors' APIs as pydantic models. A model checks a record and completes it with nulls; it also
describes the record in `/openapi.json` and gives the pages its fields.

Names are camelCase outside and snake_case inside. Unknown fields stay. A field that is absent counts as null.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from include.sandbox.common.wire import Invalid, Json, Problem

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
KEY_AT_MOST = 64
NUMBERS = (int, float, Decimal)
MARITAL_STATUSES = ["Single", "Married", "Divorced", "Widowed", "Separated", "Domestic Partner"]
# The vendors' words for what pydantic finds; the checks of this module bring their own.
WORDS = {
    "string_type": "must be text",
    "string_too_long": "must not be longer than {max_length} characters",
    "int_type": "must be a whole number",
    "literal_error": "must be one of {expected}",
    "model_type": "must be an object",
    "list_type": "must be a list",
}
Item = TypeVar("Item")


def is_date(value: Any) -> bool:
    if not isinstance(value, str) or ISO_DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_number(value: Any) -> bool:
    return isinstance(value, NUMBERS) and value is not True and value is not False


def is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def check(is_good: Callable[[Any], bool], words: str, code: str = "invalid") -> Callable[[Any], Any]:
    """A validator that leaves a good value exactly as it is and says of another what it must be."""

    def checked(value: Any) -> Any:
        if is_good(value):
            return value
        # pydantic types codes as literals; ours come as an argument.
        raise PydanticCustomError(code, "{words}", {"words": words})  # type: ignore[arg-type]

    return checked


def never_null(make: Callable[[], Any]) -> AfterValidator:
    """Null stands for the empty value that `make` gives."""
    return AfterValidator(lambda value: make() if value is None else value)


def present(value: Any) -> Any:
    """A validator that refuses anything but a text with something in it as if it were absent."""
    if isinstance(value, str) and value.strip():
        return value
    raise PydanticCustomError("missing", "is required")


# Values that stay exactly as they came, digits and all. The last text in a type's metadata is its kind, which says how
# a page shows the value and reads what was typed.
Date = Annotated[
    Any,
    AfterValidator(check(is_date, "must be a date, YYYY-MM-DD")),
    WithJsonSchema({"type": "string", "format": "date"}),
    "date",
]
Number = Annotated[
    Any, AfterValidator(check(is_number, "must be a number")), WithJsonSchema({"type": "number"}), "number"
]
Money = Annotated[Number, "money"]
Count = Annotated[StrictInt, "count"]
Texts = Annotated[
    Any,
    AfterValidator(check(is_texts, "must be a list of text")),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    "texts",
]
Name = Annotated[
    str,
    AfterValidator(check(lambda text: bool(text.strip()), "must not be blank", "blank")),
    WithJsonSchema({"type": "string", "pattern": r"\S"}),
]
Given = Annotated[str, BeforeValidator(present)]
Key = Annotated[str, Field(max_length=KEY_AT_MOST)]
Items = Annotated[list[Item] | None, never_null(list)]


class Record(BaseModel):
    """The base of all records. A field's title is its label on the pages, its examples are suggestions there."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, defer_build=True)


class Address(Record):
    line1: str | None = Field(None, title="Street")
    line2: str | None = Field(None, title="Street, second line")
    city: str | None = Field(None, title="City")
    state: str | None = Field(None, title="State")
    postal_code: str | None = Field(None, title="ZIP code")
    country: str | None = Field(None, title="Country")


def read(model: type[Record], record: Json) -> tuple[Json, list[Problem]]:
    """The record with every known field, null where it was not given, and all that is wrong, in the model's order.

    A record with problems comes back empty.
    """
    try:
        return model.model_validate(record).model_dump(by_alias=True), []
    except ValidationError as error:
        return {}, [_problem(one) for one in error.errors(include_url=False)]


def complete(model: type[Record], record: Json) -> Json:
    """The record with every known field, null where it was not given; raises Invalid."""
    whole, problems = read(model, record)
    if problems:
        raise Invalid(problems)
    return whole


def _problem(error: ErrorDetails) -> Problem:
    loc = error["loc"]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    if isinstance(loc[-1], int):
        return Problem(path, "invalid", "The item must be an object.")
    if error["type"] == "missing" or error["input"] is None:
        return Problem(path, "required", f"The {loc[-1]} field is required.")
    given = {**error.get("ctx", {})}
    if error["type"] == "literal_error":
        given["expected"] = given["expected"].replace("'", "").replace(" or ", ", ")
    words = WORDS[error["type"]].format(**given) if error["type"] in WORDS else error["msg"]
    return Problem(path, error["type"], f"The {path if error['type'] == 'list_type' else loc[-1]} field {words}.")


class Column(NamedTuple):
    """One field of a model as the pages need it. `model` is that of the record inside, or of each record in a list.

    kind: text · date · money · rate (percent) · number · count · choice (one of `options`) · texts · record · list.
    `options` of a text are suggestions.
    """

    name: str
    label: str
    kind: str
    options: tuple[str, ...]
    is_required: bool
    model: type[Record] | None

    @property
    def singular(self) -> str:
        """What one record of a list is called."""
        return self.model.__name__.lower() if self.model else ""

    @property
    def is_number(self) -> bool:
        return self.kind in ("money", "rate", "number", "count")


@cache
def columns(model: type[Record]) -> tuple[Column, ...]:
    """The fields of the model in their order."""
    return tuple(map(_column, model.model_fields.values()))


def _column(info: FieldInfo) -> Column:
    given = get_args(info.annotation)
    base = next(one for one in given if one is not NoneType) if NoneType in given else info.annotation
    base, *marks = get_args(base) if get_origin(base) is Annotated else (base, *info.metadata)
    kind = next((mark for mark in reversed(marks) if isinstance(mark, str)), "text")
    options, model = tuple(info.examples or ()), None
    if get_origin(base) is Literal:
        kind, options = "choice", get_args(base)
    elif isinstance(base, type) and issubclass(base, Record):
        kind, model = "record", base
    elif get_origin(base) is list and kind == "text":
        kind, model = "list", get_args(base)[0]
    return Column(str(info.alias), str(info.title), kind, options, info.is_required(), model)
