"""DEM: what must be known of client, spouse and dependents."""

from expectations.rules.households import PERSONAL
from expectations.rules.types import AS_OF, BOTH, PROFILES, Rule, checks_on, critical, info, warning

people = checks_on("people")
couple = checks_on("people", among={"person_role": ("client", "spouse")})
dependents = checks_on("people", among={"person_role": ("dependent",)})

PEOPLE_RULES: tuple[Rule, ...] = (
    critical(
        "DEM-NAME",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › First Name, Last Name: fill in both.",
        couple(BOTH, "is_filled", ("first_name", "last_name"), ("First Name", "Last Name")),
    ),
    critical(
        "DEM-BIRTH-DATE",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › Birth Date: enter the date of birth (1900 or later, not in the future).",
        couple(BOTH, "is_within_dates", "birth_date", "Birth Date", earliest="1900-01-01", latest=AS_OF),
    ),
    warning(
        "DEM-NAME-ODD",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › First Name, Last Name: enter the name as the person writes it.",
        people(BOTH, "is_name", ("first_name", "last_name"), ("First Name", "Last Name")),
    ),
    warning(
        "DEM-AGES",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › Birth Date of the dependent and of the client: correct the date that is wrong (1900 or later,"
        " not in the future; a child is younger than its parent).",
        dependents(PROFILES, "is_within_dates", "birth_date", "Birth Date", earliest="1900-01-01", latest=AS_OF),
        dependents(
            PROFILES,
            "is_cleared",
            "is_older_than_client",
            "Birth Date",
            message="The child is older than the client: one of the two birth dates is wrong, or they were swapped.",
        ),
    ),
    warning(
        "DEM-DEPENDENT",
        "The dependent is left out: first name, last name or birth date is blank.",
        f"{PERSONAL} › First Name, Last Name, Birth Date of the dependent: fill in all three.",
    ).listed_in("left_out", PROFILES, "First Name, Last Name, Birth Date"),
    warning(
        "DEM-GENDER",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › Gender: choose the gender.",
        couple(PROFILES, "is_filled", "gender", "Gender"),
    ),
    info(
        "DEM-SPARSE",
        "Of the {person_role}: {cells}.",
        "Contact › Addresses, Phones, Company, Annual Salary or Total Income: the planning systems ask for all four;"
        " fill in what is known.",
        couple(
            BOTH,
            "is_recorded",
            ("has_address", "has_phone", "has_employer", "has_income"),
            ("Address", "Phone", "Employer", "Income"),
        ),
    ),
    warning(
        "DEM-INCOME",
        "Of the {person_role}: {cells}.",
        f"{PERSONAL} › Annual Salary, Total Income: enter the income of a year, 0 or more.",
        couple(PROFILES, "is_not_negative", "income", "Annual Salary or Total Income"),
    ),
    warning(
        "DEM-E-MAIL",
        "The client's e-mail address is not sent: it is not two parts without blanks around one @.",
        "Contact › E-mail: correct the preferred e-mail address.",
        people(BOTH, "is_e_mail", "email", "E-mail", among={"person_role": ("client",)}),
    ),
)
