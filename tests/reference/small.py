"""A CRM of a few rows, written by hand: ``small_crm(contact=[...], key_relation=[...])``; what is not named is NULL."""

from datetime import date
from decimal import Decimal
from typing import Any

from etl.schema import metadata
from tests.reference.records import TABLES, Crm, Row
from tests.reference.tables import Finding

AS_OF = date(2026, 1, 31)

Rows = list[dict[str, Any]]
DEFAULTS: dict[str, dict[str, Any]] = {
    "contact": {
        "record_type": "Contact", "subsystem_type": "Contact", "contact_type": "Client", "first_name": "Ann",
        "last_name": "Harbor", "birth_date": date(1970, 5, 1), "gender": "Female", "marital_status": "Single",
    },
    "household": {"name": "Harbor Family"},
    "household_member": {"is_primary": True},
    "key_relation": {"relation_type": "Family"},
    "investment_account": {"account_type": "Individual", "account_value": Decimal("5.00")},
    "liability": {
        "lender": "Harbor Bank", "loan_balance": Decimal("9000.00"), "interest_rate": Decimal("3"),
        "monthly_payment": Decimal("100.00"), "balloon_period": Decimal("8"),
    },
    "carrier": {"name": "Harbor Life"},
    "product": {"carrier_id": 1, "plan_name": "Term 20", "insurance_type": "Life"},
    "policy": {
        "product_id": 1, "status": "Inforce", "annual_premium": Decimal("100.00"),
        "basic_face_amount": Decimal("1000.00"), "gross_cash_value": Decimal("10.00"),
    },
    "crm_user": {"status": "Enabled"},
}  # fmt: skip


def small_crm(**tables: Rows) -> Crm:
    """These rows on top of the defaults, which break no rule."""
    return Crm({table: [_row(table, values) for values in tables.get(table, [])] for table in TABLES})


def family(head: dict[str, Any], *others: dict[str, Any], **tables: Rows) -> Crm:
    """Household 1 with head 1 and members 2, 3, …; a ``role`` among the fields is the role in the household."""
    people = [dict(head), *map(dict, others)]
    members = [
        {"household_id": 1, "contact_id": number, "role": person.pop("role", None)}
        for number, person in enumerate(people, start=1)
    ]
    contacts = [{"contact_id": number, **person} for number, person in enumerate(people, start=1)]
    office = {
        "household": [{"household_id": 1, "head_contact_id": 1}],
        "household_member": members,
        "contact": contacts,
    }
    return small_crm(**(office | tables))


def rule_ids(findings: tuple[Finding, ...]) -> list[str]:
    """The rules that are broken, but for DEM-SPARSE: a CRM of a few rows has no addresses and phones."""
    return sorted(found.rule_id for found in findings if found.rule_id != "DEM-SPARSE")


def _row(table: str, values: dict[str, Any]) -> Row:
    known = {column.name for column in metadata.tables[table].columns}
    assert values.keys() <= known, values.keys() - known
    return Row(**(dict.fromkeys(known) | DEFAULTS.get(table, {}) | values))
