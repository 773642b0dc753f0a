"""A random office, much nastier than any real one: combinations that the schema allows and nobody would enter.

``build(url, seed, households)`` creates the tables and fills them. Every row is valid for the schema (foreign keys
hold); the same seed gives the same office. Some households are clean, some have a fault here and there, some are ruins.
"""

import random
import warnings
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Numeric, create_engine
from sqlalchemy.exc import SAWarning

from etl.schema import metadata
from tests.reference import nasty_words as words
from tests.reference.nasty_records import add_account, add_liability, add_policy

NOW = datetime(2026, 1, 5, 12, 0)
RIGHTS = (
    "Profiles Professional - Web", "eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator",
    "Investment Tracking", "Data Export", "Data Import",
)  # fmt: skip
FAULT_RATES = (0.0, 0.0, 0.02, 0.08, 0.3)


class Office:
    """Rows under construction; `fault_rate` is how likely the household at hand has something odd in each place."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rows: dict[str, list[dict[str, Any]]] = {table: [] for table in metadata.tables}
        self.fault_rate = 0.0
        self.people: list[int] = []
        self.products: list[int] = []

    def add(self, table: str, **values: Any) -> int:
        """Append a row; what is not named is NULL; a single id column is counted up. Gives the id."""
        row = {column.name: values.get(column.name) for column in metadata.tables[table].columns}
        key = next(iter(metadata.tables[table].primary_key)).name
        if row[key] is None:
            row[key] = len(self.rows[table]) + 1
        if "modified_at" in row:
            row["modified_at"] = NOW
        if "office_id" in row and row["office_id"] is None:
            row["office_id"] = 1
        self.rows[table].append(row)
        identity: int = row[key]
        return identity

    def odd(self, factor: float = 1.0) -> bool:
        """Whether something odd happens here."""
        return self.random.random() < self.fault_rate * factor

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def label(self, *labels: str | None) -> str | None:
        """One of these labels, maybe with spaces around it and in odd case."""
        label = self.random.choice(labels)
        return words.disguise(self.random, label) if label is not None and self.odd() else label

    def text(self, *texts: str) -> str | None:
        """One of these texts; at times blank, missing or with spaces around it."""
        if self.odd(0.3):
            return self.random.choice((None, "", " ", "\u00a0", "\t "))
        text = self.random.choice(texts)
        return words.pad(self.random, text) if self.odd() else text

    def flag(self, probability: float = 0.5) -> bool | None:
        return None if self.chance(0.15) else self.chance(probability)

    def someone(self) -> int:
        """Any contact of the office so far."""
        return self.random.choice(self.people)


def build(url: str, seed: int, households: int, fault_rates: tuple[float, ...] = FAULT_RATES) -> None:
    """Create the CRM's tables at `url` and fill them with an office of about this many households."""
    office = Office(seed)
    _add_office_and_users(office)
    _add_products(office)
    for _ in range(households):
        office.fault_rate = office.random.choice(fault_rates)
        _add_household(office)
    _tie_households_together(office)
    engine = create_engine(url)
    try:
        with engine.begin() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # SQLite has no decimals of its own
            metadata.create_all(connection)
            for table in metadata.sorted_tables:
                if office.rows[table.name]:
                    connection.execute(table.insert(), office.rows[table.name])
            _spoil_figures(office, connection)
    finally:
        engine.dispose()


def _add_office_and_users(office: Office) -> None:
    office.add("office", name="Harbor Planning", status="Active")
    office.add("office", name="Harbor Planning West", status="Active", parent_office_id=1)
    for number in range(1, 13):
        status = office.random.choice(("Enabled", "Enabled", "Enabled", "Enabled", "Disabled", "Temporary Password"))
        user_name = "service" if number == 1 else f"user{number}"
        user_id = office.add("crm_user", user_name=user_name, status="Enabled" if number < 4 else status)
        for right in RIGHTS:
            if number < 4 or office.chance(0.75):
                office.add("user_right", user_id=user_id, right_name=right)


def _add_products(office: Office) -> None:
    office.fault_rate = 0.1
    for carrier_name in words.CARRIERS:
        office.add("carrier", name=carrier_name, status="Active")
    for _ in range(40):
        insurance_type, plan_type = office.random.choice(words.PLANS)
        office.products.append(
            office.add(
                "product",
                carrier_id=office.random.choices(range(1, len(words.CARRIERS) + 1), words.CARRIER_WEIGHTS)[0],
                plan_name=office.random.choices(words.PLAN_NAMES, words.PLAN_WEIGHTS)[0],
                insurance_type=office.label(insurance_type),
                plan_type=office.label(plan_type),
            )
        )


def _add_household(office: Office) -> None:
    """One family: head, maybe spouses, children and strangers, with all they own; some without a household."""
    is_couple = office.chance(0.6)
    head = _add_contact(office, is_head=True, is_married=is_couple)
    spouses = [_add_contact(office) for _ in range(1 + office.odd(0.5) + office.odd(0.3))] if is_couple else []
    children = [_add_contact(office, is_child=True) for _ in range(office.random.choice((0, 0, 1, 2, 3)))]
    strangers = [_add_contact(office) for _ in range(office.chance(0.2) + office.odd())]
    if not office.chance(0.15):
        _add_membership(office, head, spouses, children, strangers)
    for spouse in spouses:
        _add_spouse_relation(office, head, spouse)
    for other in children + strangers:
        if office.chance(0.3):
            office.add(
                "key_relation", contact_id=head, related_contact_id=other,
                relation_type=office.label("Family", "Personal"), relation=office.label(*words.OTHER_RELATIONS),
            )  # fmt: skip
    if office.odd(0.15):
        office.add("key_relation", contact_id=head, related_contact_id=head, relation_type="Family", relation="Wife")
    family = [head, *spouses, *children, *strangers]
    for contact_id in family:
        richness = 1.0 if contact_id == head else 0.6 if contact_id in spouses else 0.15
        for add, most in ((add_account, 3), (add_liability, 2), (add_policy, 3)):
            for _ in range(most):
                if office.chance(richness * 0.5):
                    add(office, contact_id, family)


def _add_contact(office: Office, *, is_head: bool = False, is_child: bool = False, is_married: bool = False) -> int:
    kind = ("Contact", "Contact")
    if is_child and office.chance(0.4):
        kind = ("Contact", "Dependent")
    elif office.odd(0.12):
        kind = office.random.choice((("Business", "Business"), ("Contact", "Advisor"), ("Contact", "Dependent")))
    user_id = office.random.randint(4, 12) if office.chance(0.5) else office.random.choice((None, 1, 2, 3))
    born = date(1950, 1, 1) + timedelta(days=office.random.randint(0, 20000))
    contact_id = office.add(
        "contact",
        assigned_user_id=user_id,
        record_type=kind[0],
        subsystem_type=kind[1],
        contact_type=office.label("Client", "Client", "Client", "Lead")
        if not is_child
        else office.label("Client", None),
        first_name=office.text(*words.FIRST_NAMES),
        last_name=office.text(*words.LAST_NAMES),
        birth_date=office.random.choice(words.ODD_BIRTH_DATES) if office.odd(0.4) else born,
        gender=office.text("Female", "Male", "Non-binary"),
        marital_status=_marital_status(office, is_married),
        company=office.text(*words.COMPANIES),
        job_title=office.text("Engineer", "Lehrerin", "  "),
        annual_salary=office.random.choice((None, Decimal("0.00"), Decimal("98500.50"), Decimal("-1.00"))),
        total_income=office.random.choice((None, Decimal("0.00"), Decimal("120000.10"))),
        is_deceased=True if office.odd(0.2) else office.random.choice((False, None)),
        deleted_at=NOW if office.odd(0.1 if is_head else 0.25) else None,
    )
    office.people.append(contact_id)
    _add_ways_to_reach(office, contact_id)
    return contact_id


def _marital_status(office: Office, is_married: bool) -> str | None:
    if office.odd(0.5):
        return office.label(
            "Married", "Domestic Partner", "Domestic Partnership", "Civil Union", "Unmarried", "", " ", None
        )
    if is_married:
        return office.random.choice(("Married", "Married", "Domestic Partner", "Separated"))
    return office.random.choice(("Single", "Widowed", "Divorced", "Separated"))


def _add_ways_to_reach(office: Office, contact_id: int) -> None:
    for _ in range(office.random.randint(0, 3)):
        office.add(
            "contact_address", contact_id=contact_id, address_type=office.label(*words.ADDRESS_TYPES),
            line1=office.text("1 Harbor Way", "Straße 5"), line2=office.text("Apt 2", " "), city=office.text("Zürich"),
            state=office.text("NY"), postal_code=office.text("10001"), country=office.text("USA"),
            is_preferred=office.flag(0.4),
        )  # fmt: skip
    for _ in range(office.random.randint(0, 6)):
        office.add(
            "contact_phone", contact_id=contact_id, phone_type=office.label(*words.PHONE_TYPES),
            number=office.text(f"(212) 555-01{office.random.randint(0, 99):02}"),
            extension=office.random.choice((None, None, "7", " 12 ", "", " ")), is_preferred=office.flag(0.3),
        )  # fmt: skip
    for _ in range(office.random.randint(0, 2)):
        good = office.text("ann@example.com", "bo.b@mail.example.com")
        address = office.random.choice(words.BAD_EMAILS) if office.odd(0.5) else good
        office.add("contact_email", contact_id=contact_id, email_type=office.label("Personal", "Business", None),
                   address=address, is_preferred=office.flag(0.3))  # fmt: skip
    # Rows come in any order of ids: the preferred one is not always the last.
    for table in ("contact_address", "contact_phone", "contact_email"):
        office.rows[table][-2:] = office.rows[table][-2:][::-1]


def _add_membership(office: Office, head: int, spouses: list[int], children: list[int], strangers: list[int]) -> None:
    head_contact_id = office.random.choice((None, *office.people)) if office.odd(0.15) else head
    household_id = office.add(
        "household", head_contact_id=head_contact_id, deleted_at=NOW if office.odd(0.15) else None,
        name=office.text("Harbor Family", "The extraordinarily long-named family of the harbor, and all their kin",
                         "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 Familie mit sehr langem Namen aus Zürich 🙂🙂🙂", "Ann"),
    )  # fmt: skip
    roles = [(head, office.label("Head", "Head", "Husband", None))]
    for spouse in spouses:
        role = office.label(*words.SPOUSE_ROLES) if not office.odd() else office.label(*words.NOT_SPOUSE)
        if not office.odd(0.4):
            roles.append((spouse, role))
    roles += [(child, office.label(*words.CHILD_ROLES)) for child in children]
    roles += [(other, office.label(*words.NOT_SPOUSE, None)) for other in strangers]
    if office.odd(0.3):
        roles.append((office.someone(), office.label(*words.SPOUSE_ROLES, *words.CHILD_ROLES)))
    if office.odd(0.2):
        del roles[0]
    office.random.shuffle(roles)
    for contact_id, role in dict(roles).items():
        is_primary = not office.odd(0.5)
        office.add("household_member", household_id=household_id, contact_id=contact_id, role=role,
                   is_primary=is_primary or office.random.choice((False, None)))  # fmt: skip


def _add_spouse_relation(office: Office, head: int, spouse: int) -> None:
    if office.odd(0.6):
        return
    relation = office.label(*words.SPOUSE_ROLES) if not office.odd(0.5) else office.label(*words.NOT_SPOUSE, None)
    relation_type = office.label("Family") if not office.odd(0.4) else office.label("Business", "Personal")
    pair = (head, spouse) if office.chance(0.5) else (spouse, head)
    pairs = [pair, pair[::-1]] if office.chance(0.3) else [pair]
    for contact_id, related_contact_id in pairs:
        office.add("key_relation", contact_id=contact_id, related_contact_id=related_contact_id,
                   relation_type=relation_type, relation=relation)  # fmt: skip


def _tie_households_together(office: Office) -> None:
    """People in several households, spouses from other families, one head of two households."""
    households = office.rows["household"]
    for _ in range(len(households) // 8):
        household_id, contact_id = office.random.choice(households)["household_id"], office.someone()
        known = [(row["household_id"], row["contact_id"]) for row in office.rows["household_member"]]
        if (household_id, contact_id) not in known:
            role = office.random.choice(words.SPOUSE_ROLES + words.CHILD_ROLES + words.NOT_SPOUSE)
            office.add(
                "household_member", household_id=household_id, contact_id=contact_id, role=role, is_primary=False
            )
        office.add("key_relation", contact_id=office.someone(), related_contact_id=office.someone(),
                   relation_type="Family", relation=office.random.choice(words.SPOUSE_ROLES))  # fmt: skip
    if len(households) > 5:
        households[0]["head_contact_id"] = households[1]["head_contact_id"]


def _spoil_figures(office: Office, connection: Connection) -> None:
    """ACC-MONEY: a few figures that are no numbers, in the ways the database lets them be."""
    spoilt = ("'NaN'",) if connection.dialect.name == "postgresql" else ("9e999", "-9e999", "'n/a'", "''")
    for table in ("investment_account", "investment_position", "liability", "policy"):
        key = next(iter(metadata.tables[table].primary_key)).name
        columns = [c.name for c in metadata.tables[table].columns if isinstance(c.type, Numeric)]
        for _ in range(len(office.rows[table]) // 60):
            row, column = office.random.choice(office.rows[table]), office.random.choice(columns)
            value = office.random.choice(spoilt)
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE {key} = {row[key]}")
