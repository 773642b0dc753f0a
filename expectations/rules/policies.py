"""POL: policies. Premium and elimination period go to Profiles only, and only with insurance policies."""

from expectations.rules.types import BOTH, PROFILES, Check, Rule

BASIC = "Policy › Basic Information"
INSURANCE = ("life", "disability", "longTermCare")

POLICY_RULES: tuple[Rule, ...] = (
    Rule(
        "POL-STATUS",
        "info",
        "The policy is not sent: its status is not in force.",
        f"Nothing to do if that is meant; else {BASIC} › Status: choose Inforce.",
        (Check(BOTH, "left_out", "is_not", ("rule_id",), ("Status",), arguments={"value": "POL-STATUS"}),),
    ),
    Rule(
        "POL-TYPE",
        "info",
        "The policy is not sent: the vendor takes no policies of its insurance type.",
        f"Nothing to do if that is meant; else {BASIC} › Plan Name: choose a product of the right insurance type.",
        (Check(BOTH, "left_out", "is_not", ("rule_id",), ("Insurance Type",), arguments={"value": "POL-TYPE"}),),
    ),
    Rule(
        "POL-NAME-MISSING",
        "critical",
        "The policy has no product or no carrier, and so no name.",
        f"{BASIC} › Carrier, Plan Name: choose both.",
        (Check(BOTH, "policies", "is_filled", ("policy_name",), ("Plan Name",)),),
    ),
    Rule(
        "POL-PREMIUM-MISSING",
        "warning",
        "Annual Prem and Annlzd Prem are both blank.",
        "Policy › Annual Prem: enter the annual premium.",
        (
            Check(
                PROFILES,
                "policies",
                "is_any_recorded",
                ("annual_premium", "annualized_premium"),
                ("Annual Prem",),
                among={"kind": INSURANCE},
            ),
        ),
    ),
    Rule(
        "POL-ELIMINATION-TEXT",
        "warning",
        "The elimination period goes as blank: it cannot be read as a number of days, weeks, months or years.",
        "Policy › Benefits (long-term care: Coverage) › Elimination Period: enter a number and a unit, such as"
        " 90 Days.",
        (
            Check(
                PROFILES,
                "policies",
                "period_is_readable",
                ("elimination_period", "elimination_is_readable"),
                ("Elimination Period",),
                among={"kind": ("disability", "longTermCare")},
            ),
        ),
    ),
    Rule(
        "POL-INSURED-OTHER",
        "warning",
        "The policy is not sent: the primary insured is neither client nor spouse.",
        f"{BASIC} › Primary Insured: choose the client or the spouse, if one of them is insured.",
        (
            Check(
                PROFILES,
                "left_out",
                "is_not",
                ("rule_id",),
                ("Primary Insured",),
                arguments={"value": "POL-INSURED-OTHER"},
            ),
        ),
    ),
    Rule(
        "POL-BENEFICIARY",
        "info",
        "A beneficiary is left out: it is neither client, spouse nor dependent.",
        "Nothing to do if that is meant; else Policy › Interested Parties: correct the beneficiary.",
        (
            Check(
                PROFILES,
                "left_out",
                "is_not",
                ("rule_id",),
                ("Beneficiaries",),
                arguments={"value": "POL-BENEFICIARY"},
            ),
        ),
    ),
)
