"""Clients and spouses: their field tables, merge patch, and what is refused."""

from collections.abc import Iterator
from typing import Any

from include.sandbox.common.fields import Field, Record, complete, problems

KEY_AT_MOST = 64
INSTITUTION = "SmartOffice (Ebix CRM)"
MARITAL_STATUSES = ("Single", "Married", "Divorced", "Widowed", "Separated", "Domestic Partner")
ACCOUNT_OWNERS = ("client", "spouse", "other")
# Suggestions for the page; a link takes any name.
CLASSIFICATIONS = (
    "Taxable Investment",
    "Traditional IRA",
    "Roth IRA",
    "401(k)",
    "403(b)",
    "529 Plan",
    "Annuity",
    "Cash",
    "Trust",
    "Life Insurance",
    "Disability Insurance",
    "Long Term Care Insurance",
    "Other",
)

ADDRESS = (
    Field("line1", "Street"),
    Field("line2", "Street, second line"),
    Field("city", "City"),
    Field("state", "State"),
    Field("postalCode", "ZIP code"),
    Field("country", "Country"),
)
JOB = (
    Field("companyName", "Company"),
    Field("title", "Title"),
    Field("address", "Company address", "group", children=ADDRESS),
    Field("businessPhone", "Business phone"),
    Field("businessFax", "Business fax"),
)
CLIENT = (
    Field("externalId", "External id"),
    Field("ownerId", "Owner id"),
    Field("firstName", "First name", required=True),
    Field("lastName", "Last name", required=True),
    Field("dateOfBirth", "Date of birth", "date"),
    Field("maritalStatus", "Marital status", options=MARITAL_STATUSES),
    Field("address", "Home address", "group", children=ADDRESS),
    Field("homePhone", "Home phone"),
    Field("cellPhone", "Cell phone"),
    Field("fax", "Fax"),
    Field("email", "E-mail"),
    Field("job", "Employment", "whole", children=JOB),
)
SPOUSE = (
    Field("externalId", "External id"),
    Field("firstName", "First name", required=True),
    Field("lastName", "Last name", required=True),
    Field("dateOfBirth", "Date of birth", "date"),
    Field("cellPhone", "Cell phone"),
    Field("job", "Employment", "whole", children=JOB),
)


def complete_client(record: Record) -> Record:
    """The client with every known field present; the id is kept outside the record."""
    return complete(CLIENT, {name: value for name, value in record.items() if name != "id"})


def complete_spouse(record: Record) -> Record:
    return complete(SPOUSE, record)


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


def mistakes(fields: tuple[Field, ...], record: Record) -> list[dict[str, str]]:
    """The errors of a record that is refused, as the application words them; empty for a good one."""
    return list(_mistakes(fields, record))


def _mistakes(fields: tuple[Field, ...], record: Record) -> Iterator[dict[str, str]]:
    for path, message in problems(fields, record):
        code = "required" if message.endswith(("required.", "blank.")) else "invalid"
        yield {"code": code, "message": message, "field": path}
    key = record.get("externalId")
    if isinstance(key, str) and len(key) > KEY_AT_MOST:
        yield {"code": "too_long", "message": f"At most {KEY_AT_MOST} characters.", "field": "externalId"}
