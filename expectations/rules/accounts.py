"""ACC: investment accounts and annuities, and the money of all records.

The category is Profiles' alone, as are holdings: eMoney gets neither, so the rules about them are asked for Profiles.
"""

from expectations.facts.vendors import LOAN_FIGURES, ORIGINAL_FIGURES
from expectations.rules.liabilities import LIABILITY, LOAN_LABELS, ORIGINAL_LABELS
from expectations.rules.types import BOTH, EMONEY, PROFILES, Check, Rule

REGISTRATION = "Investment Account › Account Registration Information"
VALUES = "Investment Account › Account Values"

INSURANCE_FIGURES = ("annual_premium", "annualized_premium", "basic_face_amount")
INSURANCE_LABELS = ("Annual Prem", "Annlzd Prem", "Basic Face Amount")

MONEY_CHECKS: tuple[Check, ...] = (
    Check(
        BOTH,
        "accounts",
        "is_amount",
        ("account_value", "loan_balance", "net_value"),
        ("Account Value", "Loan Balance", "Net Value"),
        arguments={"signed": ("loan_balance", "net_value")},
    ),
    Check(
        PROFILES,
        "positions",
        "is_amount",
        ("market_value",),
        ("Current Value",),
        remedy="Position Detail › Current Values › Current Value: correct the amount.",
    ),
    Check(
        PROFILES,
        "policies",
        "is_amount",
        INSURANCE_FIGURES,
        INSURANCE_LABELS,
        among={"kind": ("life", "disability", "longTermCare", None)},  # None: no product, POL-NAME-MISSING
        remedy="Policy › Annual Prem, Annlzd Prem, Basic Face Amount: correct the amount.",
    ),
    Check(
        PROFILES,
        "policies",
        "is_amount",
        (*INSURANCE_FIGURES, "gross_cash_value"),
        (*INSURANCE_LABELS, "Gross Cash Value"),
        among={"kind": ("annuity",)},
        remedy="Policy › Annual Prem, Annlzd Prem, Basic Face Amount, Gross Cash Value: correct the amount.",
    ),
    Check(
        EMONEY,
        "policies",
        "is_amount",
        (*INSURANCE_FIGURES, "total_death_benefit"),
        (*INSURANCE_LABELS, "Total Death Benefit"),
        arguments={"signed": ("total_death_benefit",)},
        remedy="Policy › Annual Prem, Annlzd Prem, Basic Face Amount, Total Death Benefit: correct the amount.",
    ),
    Check(
        PROFILES,
        "liabilities",
        "is_amount",
        LOAN_FIGURES + ORIGINAL_FIGURES,
        LOAN_LABELS + ORIGINAL_LABELS,
        arguments={"signed": LOAN_FIGURES + ORIGINAL_FIGURES},
        remedy=f"{LIABILITY}: correct the loan figure.",
    ),
)

ACCOUNT_RULES: tuple[Rule, ...] = (
    Rule(
        "ACC-SCOPE-PROFILES",
        "info",
        "The account is not sent: its primary contact is neither client nor spouse.",
        f"Nothing to do if that is meant; else {REGISTRATION} › Primary Contact: choose the client or the spouse.",
        (
            Check(
                PROFILES,
                "left_out",
                "is_not",
                ("rule_id",),
                ("Primary Contact",),
                arguments={"value": "ACC-SCOPE-PROFILES"},
            ),
        ),
    ),
    Rule(
        "ACC-CATEGORY-MISSING",
        "warning",
        "Neither Account Type nor How Held is selected: the category was taken from Qualified Account.",
        f"{REGISTRATION} › Account Type: choose the type of account (or How Held).",
        (
            Check(
                PROFILES,
                "accounts",
                "is_not",
                ("category_source",),
                ("Account Type",),
                arguments={"value": "missing"},
            ),
        ),
    ),
    Rule(
        "ACC-CATEGORY-UNKNOWN",
        "warning",
        "Account Type and How Held name no known category: it was taken from Qualified Account.",
        f"{REGISTRATION} › Account Type: choose one of the standard types, or ask for this one to be added to the table"
        " of account categories.",
        (
            Check(
                PROFILES,
                "accounts",
                "is_not",
                ("category_source",),
                ("Account Type",),
                arguments={"value": "unknown"},
            ),
        ),
    ),
    Rule(
        "ACC-VARIABLE-ANNUITY-EMPTY",
        "warning",
        "The account is held as a variable annuity and has no positions.",
        "Investment Account › VA Detail: add the subaccounts; or correct How Held.",
        (
            Check(
                PROFILES,
                "accounts",
                "annuity_has_positions",
                ("is_variable_annuity", "position_count"),
                ("VA Detail",),
            ),
        ),
    ),
    Rule(
        "ACC-FIXED-ANNUITY-VA",
        "warning",
        "The annuity goes as a fixed annuity although its plan type is VA.",
        "Enter the contract under Investment Accounts with How Held Variable Annuity, and delete the policy.",
        (
            Check(
                PROFILES,
                "policies",
                "is_none_of",
                ("plan_type",),
                ("Plan Type",),
                arguments={"values": ("va",)},
                among={"kind": ("annuity",)},
            ),
        ),
    ),
    Rule(
        "ACC-TWICE",
        "warning",
        "The account and policy {twin_policy_id} carry the same number: one contract would go twice.",
        "Keep the contract in one place: delete either the investment account or the policy.",
        (Check(BOTH, "accounts", "is_absent", ("twin_policy_id",), ("Account #",)),),
    ),
    Rule(
        "ACC-MONEY",
        "critical",
        "{cells}.",
        f"{VALUES} › Account Value, Loan Balance, Net Value: correct the amount.",
        MONEY_CHECKS,
    ),
    Rule(
        "ACC-NET",
        "warning",
        "Net Value is not Account Value less Loan Balance.",
        f"{VALUES} › Net Value: correct it, or Account Value or Loan Balance.",
        (
            Check(
                BOTH,
                "accounts",
                "net_value_adds_up",
                ("net_value", "account_value", "loan_balance"),
                ("Net Value",),
                arguments={"tolerance": 1},
            ),
        ),
    ),
)
