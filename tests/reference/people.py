"""DEM: demographics of client, spouse and dependents, field by field as in the field matrix."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from tests.reference.records import Crm, Row
from tests.reference.tables import Finding, finding, label, money, text

Json = dict[str, Any]
FIRST_BIRTH_DATE = date(1900, 1, 1)


def pick(rows: list[Row], key: str) -> Row | None:
    """DEM-PICK: the preferred one, else the lowest id."""
    preferred = [row for row in rows if row.is_preferred]
    return min(preferred or rows, key=lambda row: int(getattr(row, key)), default=None)


def address(crm: Crm, contact: Row, kind: str) -> Json | None:
    """DEM-ADDRESS: the six fields of the picked address of that type."""
    rows = [
        row for row in crm.rows("contact_address", contact_id=contact.contact_id) if label(row.address_type) == kind
    ]
    row = pick(rows, "address_id")
    if row is None:
        return None
    fields = {
        "line1": text(row.line1),
        "line2": text(row.line2),
        "city": text(row.city),
        "state": text(row.state),
        "postalCode": text(row.postal_code),
        "country": text(row.country),
    }
    return fields if any(fields.values()) else None


def phone(crm: Crm, contact: Row, kind: str) -> str | None:
    """DEM-PHONE: the number of the picked phone of that type, and its extension."""
    rows = [row for row in crm.rows("contact_phone", contact_id=contact.contact_id) if label(row.phone_type) == kind]
    row = pick(rows, "phone_id")
    if row is None or text(row.number) is None:
        return None
    extension = text(row.extension)
    return f"{text(row.number)} x{extension}" if extension else text(row.number)


def picked_email(crm: Crm, contact: Row) -> str | None:
    """DEM-E-MAIL: picked over all types."""
    row = pick(crm.rows("contact_email", contact_id=contact.contact_id), "email_id")
    return text(row.address) if row is not None else None


def is_email(value: str) -> bool:
    """DEM-E-MAIL: two parts without blanks around one ``@``."""
    return re.fullmatch(r"[^\s@]+@[^\s@]+", value) is not None


def email(crm: Crm, contact: Row) -> str | None:
    picked = picked_email(crm, contact)
    return picked if picked is not None and is_email(picked) else None


def day(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None


def income(contact: Row) -> Decimal | None:
    """Field matrix: annual salary, else total income; 0 is a value."""
    return money(contact.annual_salary if contact.annual_salary is not None else contact.total_income)


def profiles_person(crm: Crm, contact: Row, *, is_client: bool) -> Json:
    """Field matrix: Profiles Client A and Client B."""
    return {
        "firstName": text(contact.first_name),
        "lastName": text(contact.last_name),
        "birthDate": day(contact.birth_date),
        "gender": text(contact.gender),
        "maritalStatus": text(contact.marital_status),
        "addressInfo": address(crm, contact, "residence") if is_client else None,
        "homePhone": phone(crm, contact, "home") if is_client else None,
        "cellPhone": phone(crm, contact, "mobile"),
        "fax": phone(crm, contact, "fax") if is_client else None,
        "email": email(crm, contact) if is_client else None,
        "employerName": text(contact.company),
        "employerAddress": address(crm, contact, "business"),
        "workPhone": phone(crm, contact, "business"),
        "workFax": phone(crm, contact, "business fax"),
        "jobTitle": text(contact.job_title),
        "income": {"annualSalary": income(contact)},
    }


def profiles_dependent(contact: Row) -> Json:
    """Field matrix: Profiles dependent."""
    return {
        "externalSourceId": f"contact:{contact.contact_id}",
        "firstName": text(contact.first_name),
        "lastName": text(contact.last_name),
        "birthDate": day(contact.birth_date),
    }


def emoney_spouse(crm: Crm, contact: Row) -> Json:
    """Field matrix: eMoney spouse."""
    return {
        "externalId": f"contact:{contact.contact_id}",
        "firstName": text(contact.first_name),
        "lastName": text(contact.last_name),
        "dateOfBirth": day(contact.birth_date),
        "cellPhone": phone(crm, contact, "mobile"),
        "job": {
            "companyName": text(contact.company),
            "address": address(crm, contact, "business"),
            "businessPhone": phone(crm, contact, "business"),
            "businessFax": phone(crm, contact, "business fax"),
            "title": text(contact.job_title),
        },
    }


def emoney_client(crm: Crm, contact: Row, *, has_spouse: bool) -> Json:
    """Field matrix: eMoney client; EMY-MARRIED."""
    return emoney_spouse(crm, contact) | {
        "ownerId": None,
        "maritalStatus": "Married" if has_spouse else "Single",
        "address": address(crm, contact, "residence"),
        "homePhone": phone(crm, contact, "home"),
        "fax": phone(crm, contact, "fax"),
        "email": email(crm, contact),
    }


def is_complete(contact: Row) -> bool:
    """DEM-DEPENDENT."""
    return None not in (text(contact.first_name), text(contact.last_name), contact.birth_date)


def is_sparse(crm: Crm, person: Row) -> bool:
    """DEM-SPARSE: no address, no phone, no employer or no income."""
    has_address = any(address(crm, person, kind) for kind in ("residence", "business"))
    has_phone = any(phone(crm, person, kind) for kind in ("home", "mobile", "business"))
    return not (has_address and has_phone and text(person.company)) or income(person) is None


def is_odd_name(value: str | None) -> bool:
    """DEM-NAME-ODD: something, but no letter in it, or a letter that was lost."""
    return value is not None and (not any(character.isalpha() for character in value) or "\ufffd" in value)


def has_impossible_age(dependent: Row, client: Row, as_of: date, is_own_child: bool) -> bool:
    """DEM-AGES."""
    is_older = client.birth_date is not None and bool(dependent.birth_date < client.birth_date)
    return not FIRST_BIRTH_DATE <= dependent.birth_date <= as_of or (is_own_child and is_older)


def _of_couple(crm: Crm, person: Row, vendor: str, as_of: date) -> list[Finding]:
    """The DEM rules that client and spouse are asked for alike."""
    found = []
    if text(person.first_name) is None or text(person.last_name) is None:
        found.append(finding("DEM-NAME", "contact", person.contact_id))
    if person.birth_date is None or not FIRST_BIRTH_DATE <= person.birth_date <= as_of:
        found.append(finding("DEM-BIRTH-DATE", "contact", person.contact_id))
    if vendor == "profiles" and text(person.gender) is None:
        found.append(finding("DEM-GENDER", "contact", person.contact_id))
    if is_sparse(crm, person):
        found.append(finding("DEM-SPARSE", "contact", person.contact_id))
    if vendor == "profiles" and (income(person) or Decimal(0)) < 0:
        found.append(finding("DEM-INCOME", "contact", person.contact_id))
    return found


def people_findings(
    crm: Crm,
    client: Row,
    spouse: Row | None,
    dependents: list[Row],
    vendor: str,
    as_of: date,
    own_children: frozenset[int] = frozenset(),
) -> list[Finding]:
    """The DEM rules; `dependents` is empty for eMoney. `own_children`: those by role, stepchildren left out."""
    couple = [client] + ([spouse] if spouse is not None else [])
    found = [each for person in couple for each in _of_couple(crm, person, vendor, as_of)]
    complete = [dependent for dependent in dependents if is_complete(dependent)]
    for person in couple + complete:
        if is_odd_name(text(person.first_name)) or is_odd_name(text(person.last_name)):
            found.append(finding("DEM-NAME-ODD", "contact", person.contact_id))
    for dependent in complete:
        if has_impossible_age(dependent, client, as_of, dependent.contact_id in own_children):
            found.append(finding("DEM-AGES", "contact", dependent.contact_id))
    picked = picked_email(crm, client)
    if picked is not None and not is_email(picked):
        found.append(finding("DEM-E-MAIL", "contact", client.contact_id))
    for dependent in dependents:
        if not is_complete(dependent):
            found.append(finding("DEM-DEPENDENT", "contact", dependent.contact_id))
    return found
