"""Clients, spouses and what a feed delivers, as eMoney's API has them; merge patch."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from include.sandbox.common.records import (
    KEY_AT_MOST,
    MARITAL_STATUSES,
    Address,
    Date,
    Key,
    Name,
    Record,
    complete,
    never_null,
)
from include.sandbox.common.wire import Json, Problem

TOO_LONG = "string_too_long"
# Suggestions for the page; a link takes any name.
CLASSIFICATIONS = (
    "Taxable Investment", "Traditional IRA", "Roth IRA", "401(k)", "403(b)", "529 Plan", "Annuity", "Cash", "Trust",
    "Life Insurance", "Disability Insurance", "Long Term Care Insurance", "Other",
)  # fmt: skip
TEXT, AMOUNT = {"type": ["string", "null"]}, {"type": ["number", "null"]}
DAY = TEXT | {"format": "date"}
MaskedNumber = Annotated[str, Field(pattern=r"^\*\*\*[\s\S]{0,4}$")]


class Job(Record):
    company_name: str | None = Field(None, title="Company")
    title: str | None = Field(None, title="Title")
    address: Address | None = Field(None, title="Company address")
    business_phone: str | None = Field(None, title="Business phone")
    business_fax: str | None = Field(None, title="Business fax")


Employment = Annotated[Job | None, never_null(Job)]


class Client(Record):
    external_id: Key | None = Field(None, title="External id")
    owner_id: str | None = Field(None, title="Owner id")
    first_name: Name = Field(title="First name")
    last_name: Name = Field(title="Last name")
    date_of_birth: Date | None = Field(None, title="Date of birth")
    marital_status: str | None = Field(None, title="Marital status", examples=MARITAL_STATUSES)
    address: Address | None = Field(None, title="Home address")
    home_phone: str | None = Field(None, title="Home phone")
    cell_phone: str | None = Field(None, title="Cell phone")
    fax: str | None = Field(None, title="Fax")
    email: str | None = Field(None, title="E-mail")
    job: Employment = Field(default_factory=Job, title="Employment")


class ClientPatch(Client):
    """A merge patch: every field may be left out, and null takes a value away."""

    # A patch may leave out what a client must have: wider than the parent's fields, on purpose.
    first_name: Name | None = None  # type: ignore[assignment]
    last_name: Name | None = None  # type: ignore[assignment]
    previous_marriages: bool | None = None


class Spouse(Record):
    external_id: Key | None = Field(None, title="External id")
    first_name: Name = Field(title="First name")
    last_name: Name = Field(title="Last name")
    date_of_birth: Date | None = Field(None, title="Date of birth")
    cell_phone: str | None = Field(None, title="Cell phone")
    job: Employment = Field(default_factory=Job, title="Employment")


class TokenRequest(Record):
    model_config = ConfigDict(alias_generator=None)

    grant_type: Literal["client_credentials"]
    client_assertion_type: str
    client_assertion: str
    scope: Literal["API"]


class Institution(Record):
    institution: str


class Link(Record):
    source_key: str
    classification: str
    owner: Literal["client", "spouse", "other"] | None = None


class Links(Record):
    links: list[Link]


def with_values(**values: Json) -> ConfigDict:
    """For an item of a feed: its values are described in the schema and taken as they come."""
    return ConfigDict(extra="ignore", json_schema_extra=lambda schema: schema["properties"].update(values))


class FeedItem(Record):
    """What investments and policies share."""

    source_key: Annotated[str, Field(min_length=1, max_length=KEY_AT_MOST)]


class Investment(FeedItem):
    model_config = with_values(
        asOf=DAY, assetName=TEXT, holdingsValue=AMOUNT, cashBalance=AMOUNT, totalValue=AMOUNT, typeOfFunds=TEXT
    )

    kind: Literal["investment"]
    owner: Literal["client", "spouse"] | None = None
    policy_number: MaskedNumber | None = None


class Policy(FeedItem):
    model_config = with_values(asOf=DAY, policyName=TEXT, currentDeathBenefits=AMOUNT)

    kind: Literal["policy"]
    owner: Literal["client", "spouse", "other"] | None = None
    policy_number: MaskedNumber | None = None


Items = list[Annotated[Investment | Policy, Field(discriminator="kind")]]


class FeedLine(Record):
    """All that one client has."""

    client_id: str
    as_of: Date | None = None
    items: Items


ITEMS: TypeAdapter[Items] = TypeAdapter(Items, config=ConfigDict(defer_build=True))
REJECTIONS = {
    "": ("invalid_item", "An item must be an object."),
    "kind": ("invalid_item", "The kind must be investment or policy."),
    "sourceKey": ("invalid_item", "The sourceKey is missing or too long."),
    "owner": ("invalid_item", "The owner does not exist for this kind."),
    "policyNumber": ("policy_number_not_masked", "A policy number goes as *** and at most its last four characters."),
}


def item_rejections(items: list[Any]) -> dict[int, tuple[str, str]]:
    """(code, message) for each item that is not taken, by its place in the list."""
    try:
        ITEMS.validate_python(items)
    except ValidationError as error:
        # The errors of an item come in the order of its model; the last first, so that the first one stays.
        return {int(one["loc"][0]): REJECTIONS[_wrong_field(one)] for one in reversed(error.errors(include_url=False))}
    return {}


def _wrong_field(error: ErrorDetails) -> str:
    """The field of an item that is wrong; none where the item is no object."""
    if len(error["loc"]) > 1:
        return str(error["loc"][-1])
    return "kind" if isinstance(error["input"], dict) else ""


def complete_client(record: Json) -> Json:
    """The client with every known field present; the id is kept outside the record. Raises Invalid."""
    return complete(Client, {name: value for name, value in record.items() if name != "id"})


def merge(record: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7396): null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(record) if isinstance(record, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def error_of(problem: Problem) -> dict[str, str]:
    """A problem as the application words it."""
    if problem.code == TOO_LONG:
        return {"code": "too_long", "message": f"At most {KEY_AT_MOST} characters.", "field": problem.path}
    code = "required" if problem.code in ("required", "blank") else "invalid"
    return {"code": code, "message": problem.message, "field": problem.path}
