"""LIA: liabilities, which go to Profiles only: eMoney takes none."""

from expectations.facts.vendors import SENT_FIGURES, TERM_FLAGS
from expectations.rules.types import PROFILES, Rule, checks_on, critical, info, warning

LIABILITY = "Investments › Liabilities"

LOAN_LABELS = ("Loan Balance", "Interest Rate", "Monthly Payment", "Balloon Period")
ORIGINAL_LABELS = (
    "originating amount",
    "originating Interest Rate",
    "originating Monthly Payment",
    "originating Balloon Period",
)
TERM_LABELS = ("originating amount", "originating Balloon Period", "originating Loan Date")
"""SmartOffice's own labels of the originating terms are not published: these words are ours."""

liabilities = checks_on("liabilities")

LIABILITY_RULES: tuple[Rule, ...] = (
    critical(
        "LIA-NAME-MISSING",
        "The liability has no name: Lender, Loan # and Account Name are all blank.",
        f"{LIABILITY} › Lender: enter the lender (or Loan # or Account Name).",
        liabilities(PROFILES, "is_filled", "liability_name", "Lender"),
    ),
    info(
        "LIA-COMPUTED",
        "{computed_figures} blank figures were computed from the originating terms.",
        f"Nothing to do; to send recorded figures, fill in {LIABILITY} › Loan Balance, Interest Rate, Monthly Payment,"
        " Balloon Period and the originating payment.",
        liabilities(PROFILES, "is_within", "computed_figures", "Calculate", lowest=0, highest=0),
    ),
    critical(
        "LIA-INCOMPLETE",
        "{cells} and cannot be computed.",
        f"{LIABILITY}: with Calculate selected fill in Loan Balance, Interest Rate, Monthly Payment and Balloon Period,"
        " otherwise the originating terms.",
        liabilities(PROFILES, "is_known", SENT_FIGURES, LOAN_LABELS),
    ),
    critical(
        "LIA-TERM",
        "{cells}; nothing is computed from the originating terms.",
        f"{LIABILITY}: correct the originating terms: a date from 1900 to the day of the run, a period of at most 100"
        " years, an amount that is not negative.",
        liabilities(PROFILES, "is_possible", TERM_FLAGS, TERM_LABELS),
    ),
    warning(
        "LIA-NOT-CALCULATED",
        "Calculate is not selected although current figures are filled in: the originating loan is sent.",
        f"{LIABILITY} › Calculate: select it if the current figures are meant to go.",
        liabilities(PROFILES, "original_loan_is_meant", ("calculate", "has_current_figures"), "Calculate"),
    ),
    warning(
        "LIA-DRIFT",
        "The recorded balance is more than 5 % of the original amount away from the computed one.",
        f"{LIABILITY} › Loan Balance: bring it up to date, or correct the originating terms.",
        liabilities(PROFILES, "is_within", "drift_permille", "Loan Balance", lowest=0, highest=50),
    ),
    info(
        "LIA-PAID-OFF",
        "The loan goes as paid off: {cells}.",
        f"{LIABILITY}: delete the liability if the loan is repaid.",
        liabilities(PROFILES, "is_not_zero", ("sent_balance", "sent_years"), ("Loan Balance", "Balloon Period")),
    ),
    critical(
        "LIA-RATE",
        "The interest rate that goes is outside 0 to 50 percent.",
        f"{LIABILITY} › Interest Rate (or the originating rate): enter percent per year, from 0 to 50.",
        liabilities(PROFILES, "is_within", "sent_rate", "Interest Rate", lowest=0, highest=50_000_000),
    ),
    warning(
        "LIA-NEGATIVE",
        "{cells}.",
        f"{LIABILITY} › Loan Balance, Monthly Payment, Balloon Period (or the originating figures): enter what is owed"
        " and paid as positive figures.",
        liabilities(
            PROFILES,
            "is_not_negative",
            ("sent_balance", "sent_payment", "sent_years"),
            ("Loan Balance", "Monthly Payment", "Balloon Period"),
        ),
    ),
    info(
        "LIA-SCOPE",
        "The liability is not sent: its primary contact is neither client nor spouse.",
        f"Nothing to do if that is meant; else {LIABILITY} › Primary Contact: choose the client or the spouse.",
    ).listed_in("left_out", PROFILES, "Primary Contact"),
)
