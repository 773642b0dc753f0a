"""HH and DEM: who is client, spouse and dependent, and what must be known of them."""

from expectations.rules.types import AS_OF, BOTH, EMONEY, PROFILES, Check, Rule

HEAD = "Household › Household Head"
ROLE = "Household › Household Members › Role"
RELATIONS = "Contact › Key Relations › Relation Type Family › Relation"
PERSONAL = "Contact › Personal"

COUPLE = {"person_role": ("client", "spouse")}
WITH_CLIENT = {"head_is_person": (True,)}
"""Of a unit without a client there is nothing else to say (HH-HEAD)."""

HOUSEHOLD_RULES: tuple[Rule, ...] = (
    Rule(
        "HH-HEAD",
        "critical",
        "The household has no head who is a person and not deleted.",
        f"{HEAD}: choose the contact (a person, not a business) who heads the household, or restore that contact from"
        " Deleted Records.",
        (Check(BOTH, "households", "is_selected", ("head_is_person",), ("Household Head",)),),
    ),
    Rule(
        "HH-PRIMARY",
        "warning",
        "The household is not flagged as its head's primary household.",
        "Household › Household Members › the head: select This is the Primary Household of this Contact.",
        (
            Check(
                BOTH,
                "households",
                "is_selected",
                ("is_primary_household",),
                ("This is the Primary Household of this Contact",),
                among=WITH_CLIENT,
            ),
        ),
    ),
    Rule(
        "HH-SPOUSE-ROLE-MISSING",
        "critical",
        "The head counts as married and no household member has a spouse role.",
        f"{ROLE}: choose Husband, Wife, Spouse or Domestic Partner for the spouse (add the spouse as a member first);"
        f" or correct {PERSONAL} › Marital Status of the head.",
        (
            Check(
                PROFILES,
                "households",
                "spouse_is_recorded",
                ("counts_as_married", "spouse_candidates", "spouse_candidates_gone"),
                ("Role",),
                among=WITH_CLIENT,
            ),
        ),
    ),
    Rule(
        "HH-SPOUSE-RELATION-MISSING",
        "critical",
        "The client counts as married and no key relation of type Family names a spouse.",
        f"{RELATIONS}: add the spouse as Husband, Wife, Spouse or Domestic Partner; or correct {PERSONAL} › Marital"
        " Status of the client.",
        (
            Check(
                EMONEY,
                "households",
                "spouse_is_recorded",
                ("counts_as_married", "spouse_candidates", "spouse_candidates_gone"),
                ("Relation",),
                among=WITH_CLIENT,
            ),
        ),
    ),
    Rule(
        "HH-MARITAL-STATUS",
        "critical",
        "There is a spouse, and the client's marital status is blank.",
        f"{PERSONAL} › Marital Status: choose the client's marital status.",
        (
            Check(
                EMONEY,
                "households",
                "status_goes_with_spouse",
                ("marital_status", "spouse_candidates", "spouse_is_client", "client_deceased"),
                ("Marital Status",),
                among=WITH_CLIENT,
            ),
        ),
    ),
    Rule(
        "HH-MARITAL-STATUS-PROFILES",
        "warning",
        "The client's marital status is blank.",
        f"{PERSONAL} › Marital Status: choose the client's marital status.",
        (Check(PROFILES, "households", "is_filled", ("marital_status",), ("Marital Status",), among=WITH_CLIENT),),
    ),
    Rule(
        "HH-SPOUSE-AMBIGUOUS",
        "critical",
        "It is not clear who the spouse is: {spouse_candidates} candidates (the client itself may be one).",
        f"{ROLE}: leave one member as Husband, Wife, Spouse or Domestic Partner and give the others their own role"
        " (Ex-Husband, Ex-Wife, Other …).",
        (
            Check(
                PROFILES,
                "households",
                "spouse_is_unambiguous",
                ("spouse_candidates", "spouse_is_client"),
                ("Role",),
                among=WITH_CLIENT,
            ),
            Check(
                EMONEY,
                "households",
                "spouse_is_unambiguous",
                ("spouse_candidates", "spouse_is_client"),
                ("Relation",),
                among=WITH_CLIENT,
                remedy=f"{RELATIONS}: leave one Husband, Wife, Spouse or Domestic Partner, give the others their own"
                " relation (Ex-Husband, Ex-Wife, Ex-Spouse …), and delete a relation of the contact to itself.",
            ),
        ),
    ),
    Rule(
        "HH-SPOUSE-GONE",
        "warning",
        "No spouse is sent: all spouse candidates ({spouse_candidates_gone}) are deceased or deleted.",
        f"{PERSONAL} › Marital Status: bring the client's status up to date, and {ROLE}: choose another role for who is"
        " no longer the spouse; or restore the spouse from Deleted Records.",
        (
            Check(
                PROFILES,
                "households",
                "spouse_is_living",
                ("spouse_candidates", "spouse_candidates_gone", "spouse_is_client"),
                ("Role",),
                among=WITH_CLIENT,
            ),
            Check(
                EMONEY,
                "households",
                "spouse_is_living",
                ("spouse_candidates", "spouse_candidates_gone", "spouse_is_client"),
                ("Relation",),
                among=WITH_CLIENT,
                remedy=f"{PERSONAL} › Marital Status: bring the client's status up to date, and {RELATIONS}: correct or"
                " delete the relation; or restore the spouse from Deleted Records.",
            ),
        ),
    ),
    Rule(
        "HH-ROLE-RELATION",
        "warning",
        "Household role and key relation do not name the same spouse; each vendor gets what its own source says.",
        f"Let both say the same: {ROLE} (what Profiles gets) and {RELATIONS} (what eMoney gets).",
        (Check(BOTH, "households", "is_selected", ("spouse_sources_agree",), ("Role, Relation",), among=WITH_CLIENT),),
    ),
    Rule(
        "HH-DECEASED-HEAD",
        "critical",
        "The client is deceased.",
        f"{HEAD}: choose the surviving spouse, or another member, as head of the household.",
        (Check(BOTH, "households", "is_cleared", ("client_deceased",), ("Household Head",), among=WITH_CLIENT),),
    ),
    Rule(
        "HH-COUPLE-TWICE",
        "warning",
        "The spouse is also the client of unit {spouse_unit_key}: the couple would be at the vendor twice.",
        "Household › Household Members: keep the couple in one household, as head and spouse, and delete the other"
        " household.",
        (Check(BOTH, "households", "is_absent", ("spouse_unit_key",), ("Household Members",), among=WITH_CLIENT),),
    ),
)

OWNER_RULES: tuple[Rule, ...] = (
    Rule(
        "EMY-OWNER",
        "warning",
        "The client gets no owner at eMoney: {unknown_owner}, to whom it is assigned, is not in the table of users.",
        "Contact › Assigned To: choose a user who is at eMoney; or have the operator add the user to the file of"
        " PLANBRIDGE__VENDORS__USERS_FILE.",
        (Check(EMONEY, "households", "is_absent", ("unknown_owner",), ("Assigned To",), among=WITH_CLIENT),),
    ),
)

PEOPLE_RULES: tuple[Rule, ...] = (
    Rule(
        "DEM-NAME",
        "critical",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › First Name, Last Name: fill in both.",
        (
            Check(
                BOTH,
                "people",
                "is_filled",
                ("first_name", "last_name"),
                ("First Name", "Last Name"),
                among=COUPLE,
            ),
        ),
    ),
    Rule(
        "DEM-BIRTH-DATE",
        "critical",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › Birth Date: enter the date of birth (1900 or later, not in the future).",
        (
            Check(
                BOTH,
                "people",
                "is_within_dates",
                ("birth_date",),
                ("Birth Date",),
                arguments={"earliest": "1900-01-01", "latest": AS_OF},
                among=COUPLE,
            ),
        ),
    ),
    Rule(
        "DEM-DEPENDENT",
        "warning",
        "The dependent is left out: first name, last name or birth date is blank.",
        f"{PERSONAL} › First Name, Last Name, Birth Date of the dependent: fill in all three.",
        (
            Check(
                PROFILES,
                "left_out",
                "is_not",
                ("rule_id",),
                ("First Name, Last Name, Birth Date",),
                arguments={"value": "DEM-DEPENDENT"},
            ),
        ),
    ),
    Rule(
        "DEM-GENDER",
        "warning",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › Gender: choose the gender.",
        (Check(PROFILES, "people", "is_filled", ("gender",), ("Gender",), among=COUPLE),),
    ),
    Rule(
        "DEM-SPARSE",
        "info",
        "Of the {person_role}: {cells}.",
        "Contact › Addresses, Phones, Company, Annual Salary or Total Income: the planning systems ask for all four;"
        " fill in what is known.",
        (
            Check(
                BOTH,
                "people",
                "is_recorded",
                ("has_address", "has_phone", "has_employer", "has_income"),
                ("Address", "Phone", "Employer", "Income"),
                among=COUPLE,
            ),
        ),
    ),
    Rule(
        "DEM-E-MAIL",
        "warning",
        "The client's e-mail address is not sent: it is not two parts without blanks around one @.",
        "Contact › E-mail: correct the preferred e-mail address.",
        (Check(BOTH, "people", "is_e_mail", ("email",), ("E-mail",), among={"person_role": ("client",)}),),
    ),
)
