"""The document of a case: its field tables, what is refused, and the whole form in which it is kept."""

from collections.abc import Iterator
from typing import Any

from include.sandbox.common.fields import Field, Problem, Record, complete, is_number, problems

NAME_AT_MOST = 49
KEY_AT_MOST = 64
OWNERS = ("clientA", "clientB")
MARITAL_STATUSES = ("Single", "Married", "Divorced", "Widowed", "Separated", "Domestic Partner")

KEY = Field("externalSourceId", "Source key")
ADDRESS = (
    Field("line1", "Street"),
    Field("line2", "Street, second line"),
    Field("city", "City"),
    Field("state", "State"),
    Field("postalCode", "ZIP code"),
    Field("country", "Country"),
)
PERSON = (
    Field("firstName", "First name", required=True),
    Field("lastName", "Last name", required=True),
    Field("birthDate", "Birth date", "date", required=True),
    Field("gender", "Gender", options=("Female", "Male")),
    Field("maritalStatus", "Marital status", options=MARITAL_STATUSES),
    Field("addressInfo", "Home address", "group", children=ADDRESS),
    Field("homePhone", "Home phone"),
    Field("cellPhone", "Cell phone"),
    Field("fax", "Fax"),
    Field("email", "E-mail"),
    Field("employerName", "Employer"),
    Field("employerAddress", "Employer's address", "group", children=ADDRESS),
    Field("workPhone", "Work phone"),
    Field("workFax", "Work fax"),
    Field("jobTitle", "Job title"),
    Field("income", "Income", "whole", children=(Field("annualSalary", "Annual salary", "money"),)),
)
DEPENDENT = (
    KEY,
    Field("firstName", "First name", required=True),
    Field("lastName", "Last name", required=True),
    Field("birthDate", "Birth date", "date", required=True),
)
HOLDING = (
    KEY,
    Field("ticker", "Ticker"),
    Field("holdingName", "Holding"),
    Field("holdingsValue", "Value", "money"),
)
ASSET = (
    KEY,
    Field("accountName", "Account name"),
    Field("accountType", "Account type"),
    Field("holdingsValue", "Holdings value", "money"),
    Field("cashBalance", "Cash balance", "money"),
    Field("typeOfFund", "Type of fund"),
    Field("owner", "Owner", "choice", OWNERS),
)
LIABILITY = (
    KEY,
    Field("liabilityName", "Liability name"),
    Field("owner", "Owner", "choice", OWNERS),
    Field("paymentMethod", "Payment method"),
    Field("currentBalance", "Current balance", "money"),
    Field("remainingYears", "Remaining years", "number"),
    Field("annualInterestRate", "Annual interest rate", "rate"),
    Field("scheduledMonthlyPayment", "Monthly payment", "money"),
)
PERIOD = (Field("count", "Count", "count"), Field("unit", "Unit", "choice", ("Days", "Weeks", "Months", "Years")))
POLICY = (
    KEY,
    Field("kind", "Kind", "choice", ("life", "disability", "longTermCare"), required=True),
    Field("insurancePolicy", "Policy"),
    Field("insured", "Insured", "choice", OWNERS),
    Field("beneficiaries", "Beneficiaries", "texts"),
    Field("annualPremium", "Annual premium", "money"),
    Field("owner", "Owner"),
    Field("deathBenefit", "Death benefit", "money"),
    Field("eliminationPeriod", "Elimination period", "group", children=PERIOD),
)
LISTS: dict[str, tuple[Field, ...]] = {
    "dependents": DEPENDENT,
    "assets": ASSET,
    "liabilities": LIABILITY,
    "insurancePolicies": POLICY,
}


def complete_document(document: Record) -> Record:
    """The document with every known field present, as the API shows it; unknown fields stay."""
    whole: Record = {"clientA": None, "clientB": None, **dict.fromkeys(LISTS), "notes": None, **document}
    for person in OWNERS:
        if whole[person] is not None:
            whole[person] = complete(PERSON, whole[person])
    for name, fields in LISTS.items():
        whole[name] = [complete(fields, item) for item in whole[name] or []]
    for asset in whole["assets"]:
        asset["holdings"] = [complete(HOLDING, holding) for holding in asset.get("holdings") or []]
    return whole


def refusals(document: Record) -> dict[str, list[str]]:
    """The ModelState of a document that is refused: path to messages; empty for a good document."""
    state: dict[str, list[str]] = {}
    for path, message in _problems(document):
        state.setdefault(path, []).append(message)
    return state


def name_refusals(name: Any) -> dict[str, list[str]]:
    """The ModelState of a case name; empty for a good one."""
    if not isinstance(name, str) or not name.strip():
        return {"name": ["The name field is required."]}
    if len(name) > NAME_AT_MOST:
        return {"name": [f"The name field must not be longer than {NAME_AT_MOST} characters."]}
    return {}


def key_problem(key: Any) -> str | None:
    """What is wrong with an externalSourceId, null included among the good ones."""
    if key is None:
        return None
    if not isinstance(key, str):
        return "The externalSourceId field must be text."
    if len(key) > KEY_AT_MOST:
        return f"The externalSourceId field must not be longer than {KEY_AT_MOST} characters."
    return None


def _problems(document: Record) -> Iterator[Problem]:
    if document.get("clientA") is None:
        yield "clientA", "The clientA field is required."
    for person in OWNERS:
        value = document.get(person)
        if value is None:
            continue
        if isinstance(value, dict):
            yield from problems(PERSON, value, f"{person}.")
        else:
            yield person, f"The {person} field must be an object."
    for name, fields in LISTS.items():
        yield from _list_problems(document.get(name), fields, name, document.get("clientB") is not None)


def _list_problems(items: Any, fields: tuple[Field, ...], at: str, has_client_b: bool) -> Iterator[Problem]:
    if items is None:
        return
    if not isinstance(items, list):
        yield at, f"The {at} field must be a list."
        return
    seen: set[str] = set()
    for place, item in enumerate(items):
        path = f"{at}[{place}]"
        if not isinstance(item, dict):
            yield path, "The item must be an object."
            continue
        yield from problems(fields, item, f"{path}.")
        yield from _key_problems(item.get("externalSourceId"), seen, path)
        yield from _value_problems(item, path, has_client_b)
        if "holdings" in item:
            yield from _list_problems(item["holdings"], HOLDING, f"{path}.holdings", has_client_b)


def _key_problems(key: Any, seen: set[str], path: str) -> Iterator[Problem]:
    if not isinstance(key, str):
        return
    wrong = key_problem(key)
    if wrong is not None:
        yield f"{path}.externalSourceId", wrong
    if key in seen:
        yield f"{path}.externalSourceId", "The externalSourceId field must not occur twice in a list."
    seen.add(key)


def _value_problems(item: Record, path: str, has_client_b: bool) -> Iterator[Problem]:
    for field in ("owner", "insured"):
        if item.get(field) == "clientB" and not has_client_b:
            yield f"{path}.{field}", f"The {field} field names clientB, but there is no clientB."
    rate = item.get("annualInterestRate")
    if is_number(rate) and not 0 <= rate <= 50:
        yield f"{path}.annualInterestRate", "The annualInterestRate field must be between 0 and 50."
    value = item.get("holdingsValue")
    if is_number(value) and value < 0:
        yield f"{path}.holdingsValue", "The holdingsValue field must not be negative."
