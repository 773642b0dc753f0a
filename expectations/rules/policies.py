"""POL: policies. Premium and elimination period go to Profiles only, and only with insurance policies."""

from expectations.rules.types import BOTH, EMONEY, PROFILES, Rule, checks_on, critical, info, warning

BASIC = "Policy › Basic Information"
INSURANCE = ("life", "disability", "longTermCare")

policies = checks_on("policies")

POLICY_RULES: tuple[Rule, ...] = (
    info(
        "POL-STATUS",
        "The policy is not sent: its status is not in force.",
        f"Nothing to do if that is meant; else {BASIC} › Status: choose Inforce.",
    ).listed_in("left_out", BOTH, "Status"),
    info(
        "POL-TYPE",
        "The policy is not sent: the vendor takes no policies of its insurance type.",
        f"Nothing to do if that is meant; else {BASIC} › Plan Name: choose a product of the right insurance type.",
    ).listed_in("left_out", BOTH, "Insurance Type"),
    critical(
        "POL-NAME-MISSING",
        "The policy has no product or no carrier, and so no name.",
        f"{BASIC} › Carrier, Plan Name: choose both.",
        policies(BOTH, "is_filled", "policy_name", "Plan Name"),
    ),
    warning(
        "POL-PREMIUM-MISSING",
        "Annual Prem and Annlzd Prem are both blank.",
        "Policy › Annual Prem: enter the annual premium.",
        policies(
            PROFILES,
            "is_any_recorded",
            ("annual_premium", "annualized_premium"),
            "Annual Prem",
            among={"kind": INSURANCE},
        ),
    ),
    warning(
        "POL-BENEFIT",
        "{cells}.",
        "Policy › Benefits › Basic Face Amount, Total Death Benefit: enter what the policy pays.",
        policies(PROFILES, "is_each_recorded", "basic_face_amount", "Basic Face Amount", among={"kind": ("life",)}),
        policies(EMONEY, "is_not_negative", "total_death_benefit", "Total Death Benefit"),
    ),
    info(
        "POL-OWNER-OTHER",
        "The policy goes to eMoney with an owner of its own: neither client nor spouse owns it.",
        "Nothing to do if that is meant; else Policy › Interested Parties › Owner: choose the client or the spouse.",
        policies(EMONEY, "is_selected", "owner_is_couple", "Owner"),
    ),
    warning(
        "POL-ELIMINATION-TEXT",
        "The elimination period goes as blank: it cannot be read as a number of days, weeks, months or years.",
        "Policy › Benefits (long-term care: Coverage) › Elimination Period: enter a number and a unit, such as"
        " 90 Days.",
        policies(
            PROFILES,
            "period_is_readable",
            ("elimination_period", "elimination_is_readable"),
            "Elimination Period",
            among={"kind": ("disability", "longTermCare")},
        ),
    ),
    warning(
        "POL-INSURED-OTHER",
        "The policy is not sent: the primary insured is neither client nor spouse.",
        f"{BASIC} › Primary Insured: choose the client or the spouse, if one of them is insured.",
    ).listed_in("left_out", PROFILES, "Primary Insured"),
    info(
        "POL-BENEFICIARY",
        "A beneficiary is left out: it is neither client, spouse nor dependent.",
        "Nothing to do if that is meant; else Policy › Interested Parties: correct the beneficiary.",
    ).listed_in("left_out", PROFILES, "Beneficiaries"),
)
