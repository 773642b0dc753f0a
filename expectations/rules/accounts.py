"""ACC: investment accounts and annuities, and the money of all records.

Category and holdings go to Profiles only, so their rules are asked for Profiles only.
"""

from expectations.facts.vendors import LOAN_FIGURES, ORIGINAL_FIGURES
from expectations.rules.liabilities import LIABILITY, LOAN_LABELS, ORIGINAL_LABELS
from expectations.rules.types import BOTH, EMONEY, PROFILES, Rule, checks_on, critical, info, warning

REGISTRATION = "Investment Account › Account Registration Information"
VALUES = "Investment Account › Account Values"

INSURANCE_FIGURES = ("annual_premium", "annualized_premium", "basic_face_amount")
INSURANCE_LABELS = ("Annual Prem", "Annlzd Prem", "Basic Face Amount")

accounts, positions, policies, liabilities = map(checks_on, ("accounts", "positions", "policies", "liabilities"))

ACCOUNT_RULES: tuple[Rule, ...] = (
    info(
        "ACC-SCOPE-PROFILES",
        "The account is not sent: its primary contact is neither client nor spouse.",
        f"Nothing to do if that is meant; else {REGISTRATION} › Primary Contact: choose the client or the spouse.",
    ).listed_in("left_out", PROFILES, "Primary Contact"),
    warning(
        "ACC-CATEGORY-MISSING",
        "Neither Account Type nor How Held is selected: the category was taken from Qualified Account.",
        f"{REGISTRATION} › Account Type: choose the type of account (or How Held).",
        accounts(PROFILES, "is_not", "category_source", "Account Type", value="missing"),
    ),
    warning(
        "ACC-CATEGORY-UNKNOWN",
        "Account Type and How Held name no known category: it was taken from Qualified Account.",
        f"{REGISTRATION} › Account Type: choose one of the standard types, or ask for this one to be added to the table"
        " of account categories.",
        accounts(PROFILES, "is_not", "category_source", "Account Type", value="unknown"),
    ),
    warning(
        "ACC-VARIABLE-ANNUITY-EMPTY",
        "The account is held as a variable annuity and has no positions.",
        "Investment Account › VA Detail: add the subaccounts; or correct How Held.",
        accounts(PROFILES, "annuity_has_positions", ("is_variable_annuity", "position_count"), "VA Detail"),
    ),
    warning(
        "ACC-FIXED-ANNUITY-VA",
        "The annuity goes as a fixed annuity although its plan type is VA.",
        f"{REGISTRATION} › How Held: enter the contract there as a Variable Annuity, and delete the policy.",
        policies(PROFILES, "is_none_of", "plan_type", "Plan Type", values=("va",), among={"kind": ("annuity",)}),
    ),
    warning(
        "ACC-TWICE",
        "The account and policy {twin_policy_id} carry the same number: one contract would go twice.",
        f"{REGISTRATION} › Account # and Policy › Basic Information › Policy #: keep the contract in one place, and"
        " delete the other record.",
        accounts(BOTH, "is_absent", "twin_policy_id", "Account #"),
    ),
    critical(
        "ACC-MONEY",
        "{cells}.",
        f"{VALUES} › Account Value, Loan Balance, Net Value: correct the amount.",
        accounts(
            BOTH,
            "is_amount",
            ("account_value", "loan_balance", "net_value"),
            ("Account Value", "Loan Balance", "Net Value"),
            signed=("loan_balance", "net_value"),
        ),
        positions(
            PROFILES,
            "is_amount",
            "market_value",
            "Current Value",
            remedy="Position Detail › Current Values › Current Value: correct the amount.",
        ),
        policies(
            PROFILES,
            "is_amount",
            INSURANCE_FIGURES,
            INSURANCE_LABELS,
            among={"kind": ("life", "disability", "longTermCare", None)},  # None: no product, POL-NAME-MISSING
            remedy="Policy › Annual Prem, Annlzd Prem, Basic Face Amount: correct the amount.",
        ),
        policies(
            PROFILES,
            "is_amount",
            (*INSURANCE_FIGURES, "gross_cash_value"),
            (*INSURANCE_LABELS, "Gross Cash Value"),
            among={"kind": ("annuity",)},
            remedy="Policy › Annual Prem, Annlzd Prem, Basic Face Amount, Gross Cash Value: correct the amount.",
        ),
        policies(
            EMONEY,
            "is_amount",
            (*INSURANCE_FIGURES, "total_death_benefit"),
            (*INSURANCE_LABELS, "Total Death Benefit"),
            signed=("total_death_benefit",),
            remedy="Policy › Annual Prem, Annlzd Prem, Basic Face Amount, Total Death Benefit: correct the amount.",
        ),
        liabilities(
            PROFILES,
            "is_amount",
            LOAN_FIGURES + ORIGINAL_FIGURES,
            LOAN_LABELS + ORIGINAL_LABELS,
            signed=LOAN_FIGURES + ORIGINAL_FIGURES,
            remedy=f"{LIABILITY}: correct the loan figure.",
        ),
    ),
    warning(
        "ACC-NET",
        "Net Value is not Account Value less Loan Balance.",
        f"{VALUES} › Net Value: correct it, or Account Value or Loan Balance.",
        accounts(BOTH, "net_value_adds_up", ("net_value", "account_value", "loan_balance"), "Net Value", tolerance=1),
    ),
    warning(
        "ACC-VALUE-MISSING",
        "{cells}.",
        f"{VALUES} › Account Value: enter the amount of the last statement.",
        accounts(BOTH, "is_each_recorded", "account_value", "Account Value"),
        positions(
            PROFILES,
            "is_each_recorded",
            "market_value",
            "Current Value",
            remedy="Position Detail › Current Values › Current Value: enter the amount of the last statement.",
        ),
        policies(
            PROFILES,
            "is_each_recorded",
            "gross_cash_value",
            "Gross Cash Value",
            among={"kind": ("annuity",)},
            remedy="Policy › Benefits › Gross Cash Value: enter the value of the annuity.",
        ),
    ),
)
