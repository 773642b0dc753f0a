"""Cases and their documents as Profiles' API has them, and what is refused."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from include.sandbox.common.records import (
    MARITAL_STATUSES,
    Address,
    Count,
    Date,
    Given,
    Items,
    Key,
    Money,
    Name,
    Number,
    Record,
    Texts,
    check,
    columns,
    never_null,
    read,
)
from include.sandbox.common.wire import Invalid, Json, Problem

NAME_AT_MOST = 49
Owner = Literal["clientA", "clientB"]
Holdings = Annotated[
    Money,
    AfterValidator(check(lambda value: value >= 0, "must not be negative")),
    WithJsonSchema({"type": "number", "minimum": 0}),
]
Rate = Annotated[
    Number,
    AfterValidator(check(lambda value: 0 <= value <= 50, "must be between 0 and 50")),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 50}),
    "rate",
]


class Income(Record):
    annual_salary: Money | None = Field(None, title="Annual salary")


class Person(Record):
    first_name: Name = Field(title="First name")
    last_name: Name = Field(title="Last name")
    birth_date: Date = Field(title="Birth date")
    gender: str | None = Field(None, title="Gender", examples=["Female", "Male"])
    marital_status: str | None = Field(None, title="Marital status", examples=MARITAL_STATUSES)
    address_info: Address | None = Field(None, title="Home address")
    home_phone: str | None = Field(None, title="Home phone")
    cell_phone: str | None = Field(None, title="Cell phone")
    fax: str | None = Field(None, title="Fax")
    email: str | None = Field(None, title="E-mail")
    employer_name: str | None = Field(None, title="Employer")
    employer_address: Address | None = Field(None, title="Employer's address")
    work_phone: str | None = Field(None, title="Work phone")
    work_fax: str | None = Field(None, title="Work fax")
    job_title: str | None = Field(None, title="Job title")
    income: Annotated[Income | None, never_null(Income)] = Field(default_factory=Income, title="Income")


class Keyed(Record):
    """An item of a list. One without a key was typed in by an advisor."""

    external_source_id: Key | None = Field(None, title="Source key")


class Dependent(Keyed):
    first_name: Name = Field(title="First name")
    last_name: Name = Field(title="Last name")
    birth_date: Date = Field(title="Birth date")


class Holding(Keyed):
    ticker: str | None = Field(None, title="Ticker")
    holding_name: str | None = Field(None, title="Holding")
    holdings_value: Holdings | None = Field(None, title="Value")


class Asset(Keyed):
    account_name: str | None = Field(None, title="Account name")
    account_type: str | None = Field(None, title="Account type")
    holdings_value: Holdings | None = Field(None, title="Holdings value")
    cash_balance: Money | None = Field(None, title="Cash balance")
    type_of_fund: str | None = Field(None, title="Type of fund")
    owner: Owner | None = Field(None, title="Owner")
    holdings: Items[Holding] = Field(default_factory=list, title="Holdings")


class Liability(Keyed):
    liability_name: str | None = Field(None, title="Liability name")
    owner: Owner | None = Field(None, title="Owner")
    payment_method: str | None = Field(None, title="Payment method")
    current_balance: Money | None = Field(None, title="Current balance")
    remaining_years: Number | None = Field(None, title="Remaining years")
    annual_interest_rate: Rate | None = Field(None, title="Annual interest rate")
    scheduled_monthly_payment: Money | None = Field(None, title="Monthly payment")


class Period(Record):
    count: Count | None = Field(None, title="Count")
    unit: Literal["Days", "Weeks", "Months", "Years"] | None = Field(None, title="Unit")


class Policy(Keyed):
    kind: Literal["life", "disability", "longTermCare"] = Field(title="Kind")
    insurance_policy: str | None = Field(None, title="Policy")
    insured: Owner | None = Field(None, title="Insured")
    beneficiaries: Annotated[Texts | None, never_null(list)] = Field(default_factory=list, title="Beneficiaries")
    annual_premium: Money | None = Field(None, title="Annual premium")
    owner: str | None = Field(None, title="Owner")
    death_benefit: Money | None = Field(None, title="Death benefit")
    elimination_period: Period | None = Field(None, title="Elimination period")


class Document(Record):
    client_a: Person = Field(title="Client A")
    client_b: Person | None = Field(None, title="Client B")
    dependents: Items[Dependent] = Field(default_factory=list, title="Dependents")
    assets: Items[Asset] = Field(default_factory=list, title="Assets")
    liabilities: Items[Liability] = Field(default_factory=list, title="Liabilities")
    insurance_policies: Items[Policy] = Field(default_factory=list, title="Insurance policies")
    notes: Any = Field(None, title="Notes")


class Named(Record):
    name: Annotated[Given, Field(max_length=NAME_AT_MOST)]


class NewCase(Document, Named):
    """A document and the name of the case."""


class NewHousehold(Keyed):
    case: NewCase


class Replacement(Record):
    document: Document


class Login(Record):
    username: str
    password: str


class Opening(Record):
    opened_by: Given


def complete_document(model: type[Document], given: Any, name: str) -> Json:
    """The document with every known field; `name` is that of the field that it was given in. Raises Invalid."""
    if not isinstance(given, dict):
        raise Invalid([Problem(name, "required", f"The {name} field is required.")])
    whole, found = read(model, given)
    has_client_b = given.get("clientB") is not None
    for column in columns(Document):
        if column.kind == "list":
            found += _between_items(given.get(column.name), column.name, has_client_b)
    if found:
        raise Invalid(found)
    return whole


def _between_items(items: Any, at: str, has_client_b: bool) -> Iterator[Problem]:
    """What no item shows alone: a key that occurs twice in the list, and a Client B who is not there."""
    seen: set[str] = set()
    for place, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, dict):
            continue
        path, key = f"{at}[{place}]", item.get("externalSourceId")
        if isinstance(key, str):
            if key in seen:
                words = "The externalSourceId field must not occur twice in a list."
                yield Problem(f"{path}.externalSourceId", "twice", words)
            seen.add(key)
        for name in ("owner", "insured"):
            if item.get(name) == "clientB" and not has_client_b:
                yield Problem(f"{path}.{name}", "absent", f"The {name} field names clientB, but there is no clientB.")
        yield from _between_items(item.get("holdings"), f"{path}.holdings", has_client_b)
