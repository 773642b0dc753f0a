"""The value tables: which labels mean what. Labels are compared trimmed and in any case.

Each table stands here once, with the rule it belongs to; a custom drop-down value is added here and nowhere else.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from etl.names import name_form

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

Vendor: TypeAlias = Literal["profiles", "emoney"]
VENDORS: tuple[Vendor, ...] = ("profiles", "emoney")


def normal(label: str) -> str:
    """The form in which labels are compared, which is that of names."""
    return name_form(label)


def by_label(
    column: pd.Series[Any], table: Mapping[str, Any] | Callable[[str], Any], default: Any = None
) -> npt.NDArray[np.object_]:
    """The value of each label in a table; ``default`` for no label and for a label that the table lacks.

    A table may be a function of a label's normal form. Each distinct label is looked up once.
    """
    import numpy as np
    import pandas as pd

    codes, labels = pd.factorize(column)
    look_up = table if callable(table) else table.get
    found = [look_up(normal(label)) for label in labels]
    values = np.empty(len(labels) + 1, dtype=object)
    values[:] = [default if value is None else value for value in found] + [default]
    return values[codes]


def is_one_of(column: pd.Series[Any], labels: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Whether each label is in a value table; no label is in none."""
    return by_label(column, dict.fromkeys(labels, True), False).astype(bool)


def _labels(*labels: str) -> frozenset[str]:
    return frozenset(normal(label) for label in labels)


# SCP-2, HH-HEAD: a person is a record of this type.
PERSON_RECORD_TYPES = _labels("Contact")

# SCP-2, SCP-3: a client stands alone by this contact type; record and subsystem types that are no person.
CLIENT_CONTACT_TYPES = _labels("Client")
NO_PERSON_TYPES = _labels("Business", "Advisor", "Agency", "Carrier")

# HH-SPOUSE-ROLE, HH-SPOUSE-RELATION. Not in it: Ex-Husband, Ex-Wife, Ex-Spouse, Fiance, Fiancee, Partner.
SPOUSE_ROLES = _labels("Husband", "Wife", "Spouse", "Domestic Partner")
FAMILY_RELATION_TYPES = _labels("Family")
# HH-ROLE-RELATION: which of them is proposed for a person, by gender.
SPOUSE_ROLE_OF_GENDER = {"female": "Wife", "male": "Husband"}
SPOUSE_ROLE_OF_ANY_GENDER = "Spouse"
# What every spouse role contains: a search in the CRM goes by these words before the labels are looked up.
SPOUSE_WORDS = ("husband", "wife", "spouse", "partner")

# HH-DEPENDENT
CHILD_ROLES = _labels("Child", "Son", "Daughter", "Stepson", "Stepdaughter")
DEPENDENT_SUBSYSTEM_TYPES = _labels("Dependent")
# DEM-AGES: a stepchild, or a parent who is a dependent, may be older than the client.
OWN_CHILD_ROLES = _labels("Child", "Son", "Daughter")

# HH-SPOUSE-ROLE-MISSING, HH-SPOUSE-RELATION-MISSING
MARRIED_STATUSES = _labels("Married", "Domestic Partner", "Domestic Partnership", "Civil Union")

# EMY-MARRIED: decided, because the API takes a spouse only after `Married`.
EMONEY_STATUS_WITH_SPOUSE = "Married"
EMONEY_STATUS_WITHOUT_SPOUSE = "Single"

# DEM-PICK: the types that go anywhere (see the field matrix); all other types stay.
ADDRESS_TYPES = {"residence": 0, "business": 1}
PHONE_TYPES = {"home": 0, "mobile": 1, "fax": 2, "business": 3, "business fax": 4}
VOICE_PHONES = ("home", "mobile", "business")  # DEM-SPARSE: a fax is no phone
# The values of the field matrix that these types are, in the order of their numbers.
ADDRESS_VALUES = ("residence", "business_address")
PHONE_VALUES = ("home_phone", "mobile_phone", "fax", "business_phone", "business_fax")

# DEM-E-MAIL: two parts without blanks around one @. Unicode's blanks are spelt out: \s of RE2 means ASCII's only.
_BLANKS = "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
E_MAIL = f"^[^@{_BLANKS}]+@[^@{_BLANKS}]+$"

# ACC-CATEGORY-MISSING, ACC-CATEGORY-UNKNOWN: the two fall-backs, by Qualified Account.
CATEGORY_NOT_QUALIFIED = "Investment Account"
CATEGORY_QUALIFIED = "Other Retirement Account"

# ACC-VARIABLE-ANNUITY, ACC-FIXED-ANNUITY, ACC-FIXED-ANNUITY-VA
VARIABLE_ANNUITY = "Variable Annuity"
FIXED_ANNUITY = "Fixed Annuity"

# ACC-FUNDS: the selected options in this order.
FUNDS_OPTIONS = (("is_qualified", "Qualified"), ("is_held_away", "Held Away"), ("is_discretionary", "Discretionary"))
FUNDS_NONE_SELECTED = "Non-Qualified"

# POL-STATUS
POLICY_STATUSES = _labels("Inforce", "Inforce, but not administered")

# POL-TYPE: insurance type -> kind. Other types (Auto, Homeowner, Medical, ...) do not go.
INSURANCE_KINDS = {"life": "life", "disability": "disability", "ltc": "longTermCare", "annuity": "annuity"}
# Kinds that go to Profiles as insurance policies; `annuity` goes as an asset (ACC-FIXED-ANNUITY).
INSURANCE_POLICY_KINDS = frozenset({"life", "disability", "longTermCare"})
# The category under which eMoney lists a policy as available (EMY-LINK), by kind.
EMONEY_POLICY_CATEGORIES = {"life": "Life", "disability": "Disability", "longTermCare": "LTC", "annuity": "Annuity"}

# POL-ELIMINATION: which kinds have one, and the units it can be counted in.
ELIMINATION_KINDS = frozenset({"disability", "longTermCare"})
ELIMINATION_UNITS = {"day": "Days", "week": "Weeks", "month": "Months", "year": "Years"}

# Profiles cuts a case name here, counted in code points.
CASE_NAME_LENGTH = 49

# LIC-*: the names shown in User Accounts > User Rights.
USER_STATUS_ENABLED = "Enabled"
USER_STATUSES = _labels(USER_STATUS_ENABLED)
VENDOR_LICENSES = {"profiles": ("Profiles Professional - Web", "LIC-PROFILES"), "emoney": ("eMoney", "LIC-EMONEY")}
EMONEY_POLICY_LICENSES = ("Policy Tracking", "Pending Case & Policy Setup Administrator")
EMONEY_INVESTMENT_LICENSES = ("Investment Tracking",)


def _categories(list_name: str) -> dict[str, str]:
    """Normal label -> Profiles category for one drop-down, from ``account_categories.csv`` (ACC-CATEGORY)."""
    table = files("etl").joinpath("account_categories.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines())
    return {normal(row["value"]): row["profiles_category"] for row in rows if row["list"] == list_name}


ACCOUNT_TYPE_CATEGORIES = _categories("Account Type")
HOW_HELD_CATEGORIES = _categories("How Held")
