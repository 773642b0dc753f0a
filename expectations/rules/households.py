"""HH: who is client, spouse and dependent of a household. EMY-OWNER: who owns the client at eMoney."""

from expectations.rules.types import BOTH, EMONEY, PROFILES, Check, Rule, checks_on, critical, warning

HEAD = "Household › Household Head"
ROLE = "Household › Household Members › Role"
RELATIONS = "Contact › Key Relations › Relation Type Family › Relation"
PERSONAL = "Contact › Personal"

units = checks_on("households")
households = checks_on("households", among={"head_is_person": (True,)})
"""A unit without a client breaks HH-HEAD, and no other rule is asked."""


def _differ(difference: str, message: str | None = None, remedy: str | None = None) -> Check:
    """HH-ROLE-RELATION: one way in which the two sources of the spouse differ, and which of them to mend."""
    return households(
        BOTH, "is_not", "spouse_difference", "Role, Relation", value=difference, message=message, remedy=remedy
    )


HOUSEHOLD_RULES: tuple[Rule, ...] = (
    critical(
        "HH-HEAD",
        "The household has no head who is a person and not deleted.",
        f"{HEAD}: choose the contact (a person, not a business) who heads the household, or restore that contact from"
        " Deleted Records.",
        units(BOTH, "is_selected", "head_is_person", "Household Head"),
    ),
    warning(
        "HH-PRIMARY",
        "The household is not flagged as its head's primary household.",
        "Household › Household Members › the head: select This is the Primary Household of this Contact.",
        households(BOTH, "is_selected", "is_primary_household", "This is the Primary Household of this Contact"),
    ),
    critical(
        "HH-SPOUSE-ROLE-MISSING",
        "The head counts as married and no household member has a spouse role.",
        f"{ROLE}: choose Husband, Wife, Spouse or Domestic Partner for the spouse (add the spouse as a member first);"
        f" or correct {PERSONAL} › Marital Status of the head.",
        households(
            PROFILES, "spouse_is_recorded", ("counts_as_married", "spouse_candidates", "spouse_candidates_gone"), "Role"
        ),
    ),
    critical(
        "HH-SPOUSE-RELATION-MISSING",
        "The client counts as married and no key relation of type Family names a spouse.",
        f"{RELATIONS}: add the spouse as Husband, Wife, Spouse or Domestic Partner; or correct {PERSONAL} › Marital"
        " Status of the client.",
        households(
            EMONEY,
            "spouse_is_recorded",
            ("counts_as_married", "spouse_candidates", "spouse_candidates_gone"),
            "Relation",
        ),
    ),
    critical(
        "HH-MARITAL-STATUS",
        "There is a spouse, and the client's marital status is blank.",
        f"{PERSONAL} › Marital Status: choose the client's marital status.",
        households(
            EMONEY,
            "status_goes_with_spouse",
            ("marital_status", "spouse_candidates", "spouse_is_client", "client_deceased"),
            "Marital Status",
        ),
    ),
    warning(
        "HH-MARITAL-STATUS-PROFILES",
        "The client's marital status is blank.",
        f"{PERSONAL} › Marital Status: choose the client's marital status.",
        households(PROFILES, "is_filled", "marital_status", "Marital Status"),
    ),
    critical(
        "HH-SPOUSE-AMBIGUOUS",
        "It is not clear who the spouse is: {spouse_candidates} candidates (the client itself may be one).",
        f"{ROLE}: leave one member as Husband, Wife, Spouse or Domestic Partner and give the others their own role"
        " (Ex-Husband, Ex-Wife, Other …).",
        households(PROFILES, "spouse_is_unambiguous", ("spouse_candidates", "spouse_is_client"), "Role"),
        households(
            EMONEY,
            "spouse_is_unambiguous",
            ("spouse_candidates", "spouse_is_client"),
            "Relation",
            remedy=f"{RELATIONS}: leave one Husband, Wife, Spouse or Domestic Partner, give the others their own"
            " relation (Ex-Husband, Ex-Wife, Ex-Spouse …), and delete a relation of the contact to itself.",
        ),
    ),
    warning(
        "HH-SPOUSE-GONE",
        "No spouse is sent: all spouse candidates ({spouse_candidates_gone}) are deceased or deleted.",
        f"{PERSONAL} › Marital Status: bring the client's status up to date, and {ROLE}: choose another role for who is"
        " no longer the spouse; or restore the spouse from Deleted Records.",
        households(
            PROFILES, "spouse_is_living", ("spouse_candidates", "spouse_candidates_gone", "spouse_is_client"), "Role"
        ),
        households(
            EMONEY,
            "spouse_is_living",
            ("spouse_candidates", "spouse_candidates_gone", "spouse_is_client"),
            "Relation",
            remedy=f"{PERSONAL} › Marital Status: bring the client's status up to date, and {RELATIONS}: correct or"
            " delete the relation; or restore the spouse from Deleted Records.",
        ),
    ),
    warning(
        "HH-ROLE-RELATION",
        "Household role and key relation do not name the same spouse; each vendor gets what its own source says.",
        f"Let both say the same: {ROLE} (what Profiles gets) and {RELATIONS} (what eMoney gets).",
        _differ("unclear"),
        _differ(
            "no_relation",
            "The household role names contact {spouse_by_role} as the spouse, and no key relation does. It should say"
            " {spouse_word}.",
            f"{RELATIONS} of the client: add that contact as Husband, Wife, Spouse or Domestic Partner.",
        ),
        _differ(
            "no_role",
            "A key relation names contact {spouse_by_relation} as the spouse, and no household role does. It should say"
            " {spouse_word}.",
            f"{ROLE} of that contact: choose Husband, Wife, Spouse or Domestic Partner (add the contact as a member"
            " first).",
        ),
        _differ(
            "old_role",
            "The household role names contact {spouse_by_role} as the spouse. No key relation does, and the client does"
            " not count as married.",
            f"{ROLE} of that contact: choose what the contact is now (Ex-Husband, Ex-Wife, Partner, Other …).",
        ),
        _differ(
            "old_relation",
            "A key relation names contact {spouse_by_relation} as the spouse. No household role does, and the client"
            " does not count as married.",
            f"{RELATIONS} of that contact: choose what the contact is now (Ex-Husband, Ex-Wife, Ex-Spouse …).",
        ),
        _differ(
            "other_role",
            "The household role names contact {spouse_by_role} as the spouse, a key relation contact"
            " {spouse_by_relation}. The latter alone counts as married.",
            f"{ROLE}: give the spouse's role to the contact of the key relation, and another role to the other one.",
        ),
        _differ(
            "other_relation",
            "The household role names contact {spouse_by_role} as the spouse, a key relation contact"
            " {spouse_by_relation}. The former alone counts as married.",
            f"{RELATIONS}: name the contact of the household role as the spouse, and correct the other relation.",
        ),
    ),
    critical(
        "HH-DECEASED-HEAD",
        "The client is deceased.",
        f"{HEAD}: choose the surviving spouse, or another member, as head of the household.",
        households(BOTH, "is_cleared", "client_deceased", "Household Head"),
    ),
    warning(
        "HH-COUPLE-TWICE",
        "The spouse is also the client of unit {spouse_unit_key}: the couple would be at the vendor twice.",
        "Household › Household Members: keep the couple in one household, as head and spouse, and delete the other"
        " household.",
        households(BOTH, "is_absent", "spouse_unit_key", "Household Members"),
    ),
    warning(
        "EMY-OWNER",
        "The client gets no owner at eMoney: {unknown_owner}, to whom it is assigned, is not in the table of users.",
        "Contact › Assigned To: choose a user who is at eMoney; or have the operator add the user to the file of"
        " PLANBRIDGE__VENDORS__USERS_FILE.",
        households(EMONEY, "is_absent", "unknown_owner", "Assigned To"),
    ),
)
