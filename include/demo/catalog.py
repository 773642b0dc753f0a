"""What the demo office deals in: account kinds, funds, carriers, products, lenders. All of it invented."""

from dataclasses import dataclass
from itertools import starmap
from typing import NamedTuple

from include.demo.draft import weigh


class Fund(NamedTuple):
    """What a position is of."""

    symbol: str | None
    cusip: str | None
    product_name: str
    price: float


@dataclass(frozen=True)
class AccountKind:
    """One way to fill in the account screen. `positions` is how many, from and to; `worth` is in thousand dollars."""

    name: str
    account_type: str | None
    how_held: str | None
    qualified: bool
    positions: tuple[int, int]
    worth: tuple[int, int]
    held_away: float = 0.1


# fmt: off
ACCOUNT_KINDS = weigh((
    (AccountKind("Individual Account", "Individual", "Brokerage Account", False, (1, 6), (15, 600)), 14),
    (AccountKind("Joint Account", "Joint", "Brokerage Account", False, (1, 6), (20, 800)), 10),
    (AccountKind("Joint", "Joint Tenants with Rights of Survivorship", "Custodian", False, (1, 5), (20, 800)), 4),
    (AccountKind("Brokerage Account", "Brokerage", None, False, (1, 5), (10, 500)), 5),
    (AccountKind("Mutual Funds", "Mutual Fund", "Direct", False, (1, 4), (5, 200)), 5),
    (AccountKind("Living Trust", "Trust", "Trust", False, (3, 8), (100, 2500)), 3),
    (AccountKind("IRA", "IRA", "Custodian", True, (1, 4), (10, 700)), 12),
    (AccountKind("Traditional IRA", "Traditional IRA", None, True, (1, 4), (10, 500)), 4),
    (AccountKind("Rollover IRA", "Rollover IRA", "Custodian", True, (1, 4), (30, 900)), 6),
    (AccountKind("Roth IRA", "Roth IRA", "Custodian", True, (1, 4), (5, 250)), 9),
    (AccountKind("SEP IRA", "SEP IRA", "Brokerage Account", True, (1, 4), (15, 400)), 2),
    (AccountKind("SIMPLE IRA", "SIMPLE IRA", None, True, (2, 4), (10, 200)), 1),
    (AccountKind("401(k)", "401(k)", "Retirement Plan", True, (1, 4), (10, 900), 0.9), 10),
    (AccountKind("Roth 401(k)", "Roth 401(k)", "Retirement Plan", True, (1, 4), (5, 200), 0.9), 2),
    (AccountKind("403(b)", "403(b)", "Retirement Plan", True, (1, 4), (10, 500), 0.9), 3),
    (AccountKind("457(b)", "457(b)", "Retirement Plan", True, (2, 4), (10, 300), 0.9), 1),
    (AccountKind("Keogh Plan", "Keogh", None, True, (2, 4), (20, 400)), 1),
    (AccountKind("Pension", "Pension", None, True, (0, 0), (50, 900), 0.9), 2),
    (AccountKind("Profit Sharing", "Profit Sharing", "Retirement Plan", True, (2, 4), (10, 300)), 1),
    (AccountKind("Education Savings", "529 Plan", "Direct", False, (1, 3), (5, 120)), 3),
    (AccountKind("Coverdell", "Coverdell ESA", None, False, (1, 2), (2, 20)), 1),
    (AccountKind("Custodial Account", "UTMA", "Custodian", False, (1, 3), (2, 60)), 1),
    (AccountKind("Custodial Account", "UGMA", "Custodian", False, (1, 3), (2, 60)), 1),
    (AccountKind("Health Savings", "HSA", "Custodian", False, (0, 2), (1, 40), 0.6), 2),
    (AccountKind("Checking", "Checking", "Bank", False, (0, 0), (1, 40), 0.95), 5),
    (AccountKind("Savings", "Savings", "Bank", False, (0, 0), (2, 120), 0.95), 5),
    (AccountKind("Money Market", "Money Market", "Bank", False, (0, 0), (5, 150), 0.9), 3),
    (AccountKind("CD", "Certificate of Deposit", "Bank", False, (0, 0), (5, 100), 0.9), 2),
    (AccountKind("Bank Account", None, "Bank", False, (0, 0), (1, 60), 0.9), 1),
    (AccountKind("Direct Holdings", None, "Direct", False, (1, 4), (5, 90)), 2),
    (AccountKind("Retirement Plan", None, "Retirement Plan", True, (1, 4), (10, 400), 0.8), 2),
    (AccountKind("Managed Account", "House Managed", "Custodian", False, (3, 7), (50, 900)), 1),  # custom label
    (AccountKind("Variable Annuity", None, "Variable Annuity", False, (1, 5), (25, 500)), 4),
    (AccountKind("Variable Annuity IRA", "IRA", "Variable Annuity", True, (1, 4), (25, 500)), 2),
))

VARIABLE_ANNUITY = AccountKind("Variable Annuity", None, "Variable Annuity", False, (1, 4), (25, 500))
BROKERAGE = AccountKind("Individual Account", "Individual", "Brokerage Account", False, (2, 4), (20, 300))
CHILD_ACCOUNTS = (
    AccountKind("Education Savings", "529 Plan", "Direct", False, (1, 3), (5, 120)),
    AccountKind("Custodial Account", "UTMA", "Custodian", False, (1, 3), (2, 60)),
)

FUNDS = tuple(starmap(Fund, (
    ("NFGRX", "90000A101", "Northfield Growth Fund", 84.1275), ("NFINX", "90000A102", "Northfield Income Fund", 12.43),
    ("NFBLX", "90000A103", "Northfield Balanced Fund", 31.705), ("NFIXX", "90000A104", "Northfield 500 Index", 412.88),
    ("HLCVX", "90000B201", "Harlow Core Value", 27.16), ("HLSCX", "90000B202", "Harlow Small Company", 44.9312),
    ("HLTFX", "90000B203", "Harlow Tax-Free Bond", 10.07), ("HLGBX", "90000B204", "Harlow Global Bond", 9.58),
    ("BRTEX", "90000C301", "Bright Technology & Science", 156.42), ("BRHCX", "90000C302", "Bright Health Care", 98.33),
    ("BRREX", "90000C303", "Bright Real Estate", 18.77), ("BRUTX", "90000C304", "Bright Utilities", 22.0415),
    ("QMTD", "90000D401", "Quill Motors", 61.25), ("ALDR", "90000D402", "Alder Foods Inc. Class A", 143.9),
    ("VSTL", "90000D403", "Vestal Rail", 205.61),
    ("OKSY", "90000D404", "Oaksey Energy", 38.4), ("TGT30", "90000E501", "Target Retirement 2030", 16.22),
    ("TGT45", "90000E502", "Target Retirement 2045", 17.98),
    ("CSHXX", "90000E503", "Government Cash Reserve", 1.0), (None, None, "Private Placement Note (no symbol)", 100.0),
    (None, "90000F601", "City of Alder 4.25% Muni Bond", 101.875),
)))
SUBACCOUNTS = tuple(starmap(Fund, (
    (None, None, "NF VIT Equity Income Subaccount", 21.3342), (None, None, "NF VIT Small Cap Subaccount", 14.872),
    (None, None, "HL Series International Subaccount", 11.0915), (None, None, "HL Series Bond Subaccount", 10.4401),
    (None, None, "BR Managed Allocation Subaccount", 17.6083), (None, None, "Fixed Account Option", 1.0),
)))

# name, NAIC id, status
CARRIERS = (
    ("Northfield Mutual Life", "90011", "Active"), ("Harlow Assurance Company", "90012", "Active"),
    ("Bright Harbor Life & Annuity", "90013", "Active"), ("Granite State Casualty (Old)", "90014", "Inactive"),
    ("First Prairie Insurance Co. of América", "90015", "Active"), ("O'Dell & Sons Underwriters", "90016", "Active"),
)

# plan name, insurance type, plan type, calculate benefit
PRODUCTS = (
    ("Level Term 20", "Life", "Term", True), ("Level Term 10", "Life", "Term", True),
    ("Whole Life Select", "Life", "WL", True),
    ("Flex UL II", "Life", "UL", False), ("Index Builder", "Life", "IUL", False),
    ("Variable Life Choice", "Life", "VUL", False), ("Variable Whole Life", "Life", "VWL", False),
    ("Income Shield", "Disability", "DI Income", False),
    ("Business Overhead", "Disability", "DI Overhead Expense", False),
    ("Buyout Guard", "Disability", "DI Buyout", None),
    ("CareAhead", "LTC", "LTC", False), ("Linked Benefit Care", "LTC", "LB", None),
    ("Secure Fixed 5", "Annuity", "Fixed", False), ("Lifetime Income", "Annuity", "SPIA", False),
    ("Deferred Saver", "Annuity", "SPDA", False),
    ("Index Annuity 10", "Annuity", "EIA", False), ("Flexible Annuity", "Annuity", "Flexible Premium", False),
    ("Variable Annuity Gold", "Annuity", "VA", False),
    ("Auto Basic", "Auto", "Basic", None), ("Home Guard", "Homeowner", "HO3", None),
    ("Health Net Choice", "Medical", "PPO", None),
    ("Umbrella Plus", "Umbrella", "Umbrella", None), ("Critical Care", "Critical Illness", "CI", None),
)
INSURANCE_TYPES = weigh((
    ("Life", 56), ("Annuity", 12), ("Disability", 10), ("LTC", 8), ("Auto", 4), ("Homeowner", 4), ("Medical", 3),
    ("Umbrella", 2), ("Critical Illness", 1),
))
POLICY_STATUSES = weigh((
    ("Inforce", 78), ("Inforce, but not administered", 7), ("Lapsed", 4), ("Surrendered", 3), ("Submitted", 2),
    ("Declined", 2), ("Issued, not taken", 2), (None, 1),
))
ELIMINATION_PERIODS = weigh((
    ("90 Days", 8), ("60 Days", 3), ("30 days", 2), ("180 Days", 3), ("13 Weeks", 1), ("6 Months", 2), ("1 Year", 1),
    (" 90  DAYS ", 1), (None, 1),
))


@dataclass(frozen=True)
class LoanKind:
    """One kind of loan: amount in thousand dollars, rate in percent, term in years, each from and to."""

    name: str
    amount: tuple[int, int]
    rate: tuple[float, float]
    years: tuple[int, ...]


MORTGAGE = LoanKind("Mortgage", (120, 750), (2.75, 7.25), (30, 30, 30, 20, 15))
LOAN_KINDS = weigh((
    (MORTGAGE, 12), (LoanKind("Home Equity Loan", (20, 120), (5.5, 9.5), (10, 15)), 3),
    (LoanKind("Auto Loan", (12, 60), (2.9, 8.9), (4, 5, 6)), 4),
    (LoanKind("Student Loan", (8, 90), (3.5, 7.5), (10, 20)), 2),
    (LoanKind("Family Loan", (10, 80), (0.0, 0.0), (5, 10)), 1),
))
LENDERS = (
    "First Prairie Bank", "Harlow Savings & Loan", "Lakeside Credit Union", "Bright Harbor Mortgage Co.",
    "Alder Auto Finance", "Granite Federal",
)
PAYMENT_METHODS = ("Automatic", "Check", "Coupon Book", "Payroll Deduction", None)
# fmt: on
