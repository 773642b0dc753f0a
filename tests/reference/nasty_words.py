"""Labels and texts of the nasty office: plain ones, custom ones, and ways to disguise them."""

import random
from datetime import date

SPACES = (" ", "  ", "\t", "\u00a0", "\u2003", "\u3000", "\n")

SPOUSE_ROLES = ("Husband", "Wife", "Spouse", "Domestic Partner")
NOT_SPOUSE = (
    "Ex-Husband", "Ex-Wife", "Ex-Spouse", "Fiance", "Fiancee", "Partner", "Housewife", "Wife 2", "Spouse/Partner",
    "Domestic  Partner", "Grandson", "Other", "",
)  # fmt: skip
CHILD_ROLES = ("Child", "Son", "Daughter", "Stepson", "Stepdaughter")
OTHER_RELATIONS = ("Son", "Daughter", "Child", "Partner", "Ex-Wife", "Father")

FIRST_NAMES = ("Ann", "Bob", "Zoë", "Zoe\u0308", "Łukasz", "李", "D'Arcy", "Mary Jo", "𝔄nna", "Иван", "<b>Eve</b>")
LAST_NAMES = ("Harbor", "O'Brien", "Müller", "van der Berg", "Nguyễn", "=1+1", "Smith, Jr.", "🙂", "Null", "NaN")
COMPANIES = ("Harbor Works", "Müller & Söhne", "nan", "None", "A\u00a0B", "\u200bZero width")
ADDRESS_TYPES = ("Residence", "Residence", "Business", "Business", "Mailing", "Summer residence", None)
PHONE_TYPES = ("Home", "Mobile", "Fax", "Business", "Business Fax", "Cell", "Home Fax", None)
BAD_EMAILS = (
    "ann@", "@example.com", "ann", "ann@@example.com", "a b@example.com", "ann@exa\u00a0mple.com", "ann@b@example.com",
    " ann@example.com ", "ann@example", "Ann <ann@example.com>", "ann@example.com;bob@example.com",
)  # fmt: skip
ODD_BIRTH_DATES = (
    None, date(1899, 12, 31), date(1900, 1, 1), date(2024, 2, 29), date(2199, 1, 1), date(1000, 1, 1),
    date(2025, 11, 30), date(2025, 12, 1), date(2026, 1, 31), date(2026, 2, 1), date(9999, 12, 31),
)  # fmt: skip

CARRIERS = ("Harbor Life", "Pacific Mutual", "  Padded Life  ", "Élan Vie", "Lighthouse", "", "\u00a0")
CARRIER_WEIGHTS = (20, 20, 20, 20, 20, 1, 1)
PLAN_NAMES = ("Term 20", "Secure Income", "Secure\u00a0Income II", " WL 100 ", "Whole Life", "Care Plus", "", "A/B")
PLAN_WEIGHTS = (20, 20, 20, 20, 20, 20, 1, 20)
PLANS = (
    ("Life", "Term"), ("Life", "VUL"), ("Life", None), ("Disability", "DI Income"), ("LTC", "LTC"), ("Annuity", "VA"),
    ("Annuity", "va"), ("Annuity", "SPIA"), ("Annuity", None), ("Life", "VA"), ("Auto", "Basic"), ("Umbrella", None),
    ("Critical Illness", "CI"), ("DI", "DI Income"), ("Life Insurance", "Term"),
)  # fmt: skip
STATUSES = ("Inforce", "Inforce", "Inforce", "Inforce", "Inforce, but not administered", "Lapsed", "Not Inforce")
ODD_STATUSES = ("In force", "Inforce,but not administered", "Pending", "", None, "Surrendered")
ELIMINATIONS = (
    "90 Days", "1 Day", "26 weeks", "6 MONTHS", "2 Years", "90days", " 30\u00a0Days ", "0 days", "007 Days", None,
    "", " ", "ninety days", "90", "90 Days or so", "Days", "1.5 Years", "-5 Days", "90 d", "90-Day", "12 months.",
    "90 days days",
)  # fmt: skip

ACCOUNT_TYPES = (
    "Individual", "Joint", "Joint Tenants with Rights of Survivorship", "Trust", "IRA", "Rollover IRA", "Roth IRA",
    "401(k)", "Roth 401(k)", "403(b)", "529 Plan", "UTMA", "HSA", "Checking", "Certificate of Deposit", "Keogh",
)  # fmt: skip
ODD_ACCOUNT_TYPES = ("Individual Retirement", "Solo 401k", "IRAs", "Variable Annuity", "Bank", "", " ", None)
HOW_HELDS = ("Variable Annuity", "Bank", "Brokerage Account", "Direct", "Custodian", "Retirement Plan", "Trust", None)
ODD_HOW_HELDS = ("Variable Annuities", "Fixed Annuity", "Individual", "Street name", "", "\u00a0", None)
NUMBERS = (
    "AB-1234567", "ab 12.345.67", "AB1234567", "12", "1234", "12345", "  12345  ", " 1234 ", "", " ", None, "---",
    "№ 7", "٣٤٥٦٧٨", "A\u00a0B12345", "０１２３４５", "Ä-100200", "ä100200", "🙂🙂🙂🙂🙂🙂", "x²³1234",
)  # fmt: skip


def pad(source: random.Random, text: str) -> str:
    """Spaces of all sorts around a text."""
    return source.choice((*SPACES, "")) + text + source.choice((*SPACES, ""))


def disguise(source: random.Random, label: str) -> str:
    """The same label for a person: other case, spaces around it."""
    cased = source.choice((label, label.upper(), label.lower(), label.swapcase(), label.title()))
    return pad(source, cased)
