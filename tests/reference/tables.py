"""The value tables of the rule book, typed in a second time, and how labels and texts are read."""

from decimal import Decimal
from typing import NamedTuple

CRITICAL, WARNING, INFO = "critical", "warning", "info"

SEVERITY = {
    "HH-HEAD": CRITICAL,
    "HH-PRIMARY": WARNING,
    "HH-SPOUSE-ROLE-MISSING": CRITICAL,
    "HH-SPOUSE-RELATION-MISSING": CRITICAL,
    "HH-MARITAL-STATUS": CRITICAL,
    "HH-MARITAL-STATUS-PROFILES": WARNING,
    "HH-SPOUSE-AMBIGUOUS": CRITICAL,
    "HH-SPOUSE-GONE": WARNING,
    "HH-ROLE-RELATION": WARNING,
    "HH-DECEASED-HEAD": CRITICAL,
    "HH-COUPLE-TWICE": WARNING,
    "DEM-NAME": CRITICAL,
    "DEM-BIRTH-DATE": CRITICAL,
    "DEM-NAME-ODD": WARNING,
    "DEM-AGES": WARNING,
    "DEM-INCOME": WARNING,
    "DEM-DEPENDENT": WARNING,
    "DEM-GENDER": WARNING,
    "DEM-SPARSE": INFO,
    "DEM-E-MAIL": WARNING,
    "ACC-SCOPE-PROFILES": INFO,
    "ACC-CATEGORY-MISSING": WARNING,
    "ACC-CATEGORY-UNKNOWN": WARNING,
    "ACC-VARIABLE-ANNUITY-EMPTY": WARNING,
    "ACC-FIXED-ANNUITY-VA": WARNING,
    "ACC-TWICE": WARNING,
    "ACC-MONEY": CRITICAL,
    "ACC-NET": WARNING,
    "ACC-VALUE-MISSING": WARNING,
    "LIA-NAME-MISSING": CRITICAL,
    "LIA-COMPUTED": INFO,
    "LIA-INCOMPLETE": CRITICAL,
    "LIA-TERM": CRITICAL,
    "LIA-NOT-CALCULATED": WARNING,
    "LIA-DRIFT": WARNING,
    "LIA-PAID-OFF": INFO,
    "LIA-RATE": CRITICAL,
    "LIA-NEGATIVE": WARNING,
    "LIA-SCOPE": INFO,
    "POL-STATUS": INFO,
    "POL-TYPE": INFO,
    "POL-NAME-MISSING": CRITICAL,
    "POL-PREMIUM-MISSING": WARNING,
    "POL-BENEFIT": WARNING,
    "POL-OWNER-OTHER": INFO,
    "POL-ELIMINATION-TEXT": WARNING,
    "POL-INSURED-OTHER": WARNING,
    "POL-BENEFICIARY": INFO,
}

SPOUSE = {"husband", "wife", "spouse", "domestic partner"}  # HH-SPOUSE-ROLE, HH-SPOUSE-RELATION
CHILD = {"child", "son", "daughter", "stepson", "stepdaughter"}  # HH-DEPENDENT
OWN_CHILD = {"child", "son", "daughter"}  # DEM-AGES
MARRIED = {"married", "domestic partner", "domestic partnership", "civil union"}  # counts as married
IN_FORCE = {"inforce", "inforce, but not administered"}  # POL-STATUS
KIND = {"life": "life", "disability": "disability", "ltc": "longTermCare", "annuity": "annuity"}  # POL-TYPE

ACCOUNT_TYPE = {
    "individual": "Investment Account",
    "joint": "Investment Account",
    "joint tenants with rights of survivorship": "Investment Account",
    "brokerage": "Investment Account",
    "mutual fund": "Investment Account",
    "trust": "Trust Account",
    "ira": "Traditional IRA",
    "traditional ira": "Traditional IRA",
    "rollover ira": "Traditional IRA",
    "roth ira": "Roth IRA",
    "sep ira": "SEP IRA",
    "simple ira": "SIMPLE IRA",
    "401(k)": "401(k)",
    "roth 401(k)": "Roth 401(k)",
    "403(b)": "403(b)",
    "457(b)": "457(b)",
    "keogh": "Keogh",
    "pension": "Pension",
    "profit sharing": "Profit Sharing",
    "529 plan": "529 Plan",
    "coverdell esa": "Coverdell ESA",
    "utma": "UTMA/UGMA",
    "ugma": "UTMA/UGMA",
    "hsa": "Health Savings Account",
    "checking": "Bank Account",
    "savings": "Bank Account",
    "money market": "Bank Account",
    "certificate of deposit": "Bank Account",
}
VARIABLE_ANNUITY = "variable annuity"
HOW_HELD = {
    VARIABLE_ANNUITY: "Variable Annuity",
    "bank": "Bank Account",
    "brokerage account": "Investment Account",
    "direct": "Investment Account",
    "custodian": "Investment Account",
    "retirement plan": "Other Retirement Account",
    "trust": "Trust Account",
}


class Finding(NamedTuple):
    """One breach of one rule by one record."""

    rule_id: str
    severity: str
    entity: str
    entity_id: int


def finding(rule_id: str, entity: str, entity_id: int) -> Finding:
    return Finding(rule_id, SEVERITY[rule_id], entity, int(entity_id))


def text(value: str | None) -> str | None:
    """DEM-TEXT: trimmed, blank is null, otherwise code point for code point."""
    return (value.strip() or None) if value is not None else None


def label(value: str | None) -> str:
    """A drop-down's label for comparing: trimmed, any case; nothing selected is the empty string."""
    return value.strip().lower() if value is not None else ""


def money(value: Decimal | None) -> Decimal | None:
    """A figure as it goes: one that is not finite never reaches a document."""
    return value if value is not None and value.is_finite() else None


def is_bad(value: Decimal | None, *, may_be_negative: bool) -> bool:
    """ACC-MONEY: not finite, or negative where it must not be."""
    return value is not None and (not value.is_finite() or (value < 0 and not may_be_negative))
