"""The ways in which demo families break the rules that hold a household back. Each breaks one rule, on purpose."""

import math
from datetime import date

from include.demo.book import day
from include.demo.breaks import BOTH, EMONEY, PROFILES, Break, Plot, broken, of_unit
from include.demo.catalog import BROKERAGE, MORTGAGE
from include.demo.desk import Desk, Family
from include.demo.families import join, make_contact_client, relate
from include.demo.holdings import add_account
from include.demo.loans import add_loan
from include.demo.people import add_person, is_female
from include.demo.policies import add_policy

CRITICAL = "critical"
WARNING = "warning"
_BLANKS = (None, "", "  ", "\u00a0")
_NO_SPOUSE_ROLES = ("Partner", "Fiancee", None, "Ex-Wife", "Other", " ")


def lose_head(desk: Desk, family: Family) -> list[Break]:
    assert family.household is not None
    family.household["head_contact_id"] = None
    return of_unit(family, "HH-HEAD", CRITICAL, BOTH)


def delete_head(desk: Desk, family: Family) -> list[Break]:
    family.head["deleted_at"] = desk.book.moment()
    return of_unit(family, "HH-HEAD", CRITICAL, BOTH)


def make_head_a_business(desk: Desk, family: Family) -> list[Break]:
    name = f"{family.head['last_name'].strip()} & Company"
    family.head.update(record_type="Business", subsystem_type="Business", business_name=name)
    return of_unit(family, "HH-HEAD", CRITICAL, BOTH)


def spoil_spouse_role(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse is not None
    family.members[family.spouse["contact_id"]]["role"] = desk.dice.pick(_NO_SPOUSE_ROLES)
    return of_unit(family, "HH-SPOUSE-ROLE-MISSING", CRITICAL, PROFILES) + _sources_differ(family)


def add_married_contact_client(desk: Desk, family: Family) -> list[Break]:
    """A married client without a household: the key relation names the spouse, no role can."""
    lone = make_contact_client(desk, family.office, family.user_id)
    lone.head["marital_status"] = "Married"
    other = _extra_person(desk, lone)
    relate(desk, lone.head, other, "Spouse")
    return of_unit(lone, "HH-SPOUSE-ROLE-MISSING", CRITICAL, PROFILES) + _sources_differ(lone)


def remove_spouse_relation(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse_relation is not None
    desk.book.remove("key_relation", family.spouse_relation)
    return of_unit(family, "HH-SPOUSE-RELATION-MISSING", CRITICAL, EMONEY) + _sources_differ(family)


def make_spouse_a_business_partner(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse_relation is not None
    family.spouse_relation.update(relation_type="Business", relation="Partner")
    return of_unit(family, "HH-SPOUSE-RELATION-MISSING", CRITICAL, EMONEY) + _sources_differ(family)


def spoil_spouse_relation(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse_relation is not None
    family.spouse_relation["relation"] = desk.dice.pick(("Fiancee", "Ex-Spouse", None, "Other"))
    return of_unit(family, "HH-SPOUSE-RELATION-MISSING", CRITICAL, EMONEY) + _sources_differ(family)


def blank_marital_status(desk: Desk, family: Family) -> list[Break]:
    family.head["marital_status"] = desk.dice.pick(_BLANKS)
    return of_unit(family, "HH-MARITAL-STATUS", CRITICAL, EMONEY) + of_unit(
        family, "HH-MARITAL-STATUS-PROFILES", WARNING, PROFILES
    )


def add_second_spouse(desk: Desk, family: Family) -> list[Break]:
    other = _extra_person(desk, family)
    join(desk, family, other, "Spouse", is_primary=False)
    relate(desk, other, family.head, "Spouse")
    return of_unit(family, "HH-SPOUSE-AMBIGUOUS", CRITICAL, BOTH)


def add_second_spouse_role(desk: Desk, family: Family) -> list[Break]:
    join(desk, family, _extra_person(desk, family), "Spouse", is_primary=False)
    return of_unit(family, "HH-SPOUSE-AMBIGUOUS", CRITICAL, PROFILES)


def add_second_spouse_relation(desk: Desk, family: Family) -> list[Break]:
    relate(desk, family.head, _extra_person(desk, family), "Domestic Partner")
    return of_unit(family, "HH-SPOUSE-AMBIGUOUS", CRITICAL, EMONEY)


def marry_oneself(desk: Desk, family: Family) -> list[Break]:
    relate(desk, family.head, family.head, "Spouse")
    return of_unit(family, "HH-SPOUSE-AMBIGUOUS", CRITICAL, EMONEY)


def bury_head(desk: Desk, family: Family) -> list[Break]:
    family.head["is_deceased"] = True
    return of_unit(family, "HH-DECEASED-HEAD", CRITICAL, BOTH)


def blank_first_name(desk: Desk, family: Family) -> list[Break]:
    family.head["first_name"] = desk.dice.pick(_BLANKS)
    return _of_contact(family, "DEM-NAME", family.head["contact_id"])


def blank_spouse_last_name(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse is not None
    family.spouse["last_name"] = desk.dice.pick(_BLANKS)
    return _of_contact(family, "DEM-NAME", family.spouse["contact_id"])


def blank_contact_client_name(desk: Desk, family: Family) -> list[Break]:
    lone = make_contact_client(desk, family.office, family.user_id)
    return blank_first_name(desk, lone)


def blank_birth_date(desk: Desk, family: Family) -> list[Break]:
    family.head["birth_date"] = None
    return _of_contact(family, "DEM-BIRTH-DATE", family.head["contact_id"])


def age_spouse_beyond_1900(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse is not None
    family.spouse["birth_date"] = day(date(1899, 12, 31).toordinal() - desk.dice.whole(0, 3000))
    return _of_contact(family, "DEM-BIRTH-DATE", family.spouse["contact_id"])


def mistype_century(desk: Desk, family: Family) -> list[Break]:
    family.head["birth_date"] = f"20{desk.dice.whole(61, 99)}{family.head['birth_date'][4:7]}-15"
    return _of_contact(family, "DEM-BIRTH-DATE", family.head["contact_id"])


def make_account_value_negative(desk: Desk, family: Family) -> list[Break]:
    account = add_account(desk, family, BROKERAGE, family.head)
    value = -account["account_value"]
    account.update(account_value=value, loan_balance=None, net_value=value)
    return broken(family, "ACC-MONEY", CRITICAL, BOTH, "account", account["account_id"])


def spoil_position(desk: Desk, family: Family) -> list[Break]:
    """A position's market value is no number where the database can say so, else negative."""
    add_account(desk, family, BROKERAGE, family.head)
    position = desk.book.rows["investment_position"][-1]
    position["market_value"] = math.nan if desk.native_nan else -position["market_value"]
    return broken(family, "ACC-MONEY", CRITICAL, PROFILES, "position", position["position_id"])


def make_premium_negative(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, "Life", family.head)
    policy["annual_premium"] = -480.0
    return broken(family, "ACC-MONEY", CRITICAL, BOTH, "policy", policy["policy_id"])


def make_face_amount_negative(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, "Life", family.head)
    policy["basic_face_amount"] = -policy["basic_face_amount"]
    return broken(family, "ACC-MONEY", CRITICAL, BOTH, "policy", policy["policy_id"])


def blank_loan_names(desk: Desk, family: Family) -> list[Break]:
    loan = add_loan(desk, family, MORTGAGE, family.head, desk.dice.pick(("recorded", "originating")))
    for column in ("lender", "loan_number", "account_name"):
        loan[column] = desk.dice.pick(_BLANKS)
    return broken(family, "LIA-NAME-MISSING", CRITICAL, PROFILES, "liability", loan["liability_id"])


def lose_loan_amount(desk: Desk, family: Family) -> list[Break]:
    loan = add_loan(desk, family, MORTGAGE, family.head, "originating")
    loan["orig_loan_amount"] = None
    return broken(family, "LIA-INCOMPLETE", CRITICAL, PROFILES, "liability", loan["liability_id"])


def lose_loan_date(desk: Desk, family: Family) -> list[Break]:
    """Calculate is selected, the balance is blank, and without the date it cannot be computed."""
    loan = add_loan(desk, family, MORTGAGE, family.head, "computed")
    loan["orig_loan_date"] = None
    return broken(family, "LIA-INCOMPLETE", CRITICAL, PROFILES, "liability", loan["liability_id"])


def lose_loan_period(desk: Desk, family: Family) -> list[Break]:
    loan = add_loan(desk, family, MORTGAGE, family.head, "originating")
    loan["orig_balloon_period"] = None
    return broken(family, "LIA-INCOMPLETE", CRITICAL, PROFILES, "liability", loan["liability_id"])


def mistype_rate(desk: Desk, family: Family) -> list[Break]:
    loan = add_loan(desk, family, MORTGAGE, family.head, "recorded")
    loan["interest_rate"] = 425.0
    return broken(family, "LIA-RATE", CRITICAL, PROFILES, "liability", loan["liability_id"])


def make_rate_negative(desk: Desk, family: Family) -> list[Break]:
    loan = add_loan(desk, family, MORTGAGE, family.head, "originating")
    loan["orig_interest_rate"] = -4.25
    return broken(family, "LIA-RATE", CRITICAL, PROFILES, "liability", loan["liability_id"])


def lose_product(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, "Life", family.head)
    policy["product_id"] = None
    return broken(family, "POL-NAME-MISSING", CRITICAL, BOTH, "policy", policy["policy_id"])


def _extra_person(desk: Desk, family: Family) -> dict[str, object]:
    birth = desk.today - desk.dice.whole(10_000, 20_000)
    return add_person(
        desk,
        family.office,
        family.user_id,
        not is_female(family.head),
        birth,
        contact_type="Prospect",
        marital_status="Married",
    )


def _sources_differ(family: Family) -> list[Break]:
    """Role and relation no longer name the same spouse: a warning at both vendors."""
    return of_unit(family, "HH-ROLE-RELATION", WARNING, BOTH)


def _of_contact(family: Family, rule_id: str, contact_id: int) -> list[Break]:
    return broken(family, rule_id, CRITICAL, BOTH, "contact", contact_id)


CRITICAL_PLOTS = (
    Plot("HH-HEAD", (("single", lose_head), ("single", delete_head), ("single", make_head_a_business))),
    Plot(
        "HH-SPOUSE-ROLE-MISSING",
        (("couple", spoil_spouse_role), ("couple", spoil_spouse_role), ("any", add_married_contact_client)),
    ),
    Plot(
        "HH-SPOUSE-RELATION-MISSING",
        (
            ("couple", remove_spouse_relation),
            ("couple", make_spouse_a_business_partner),
            ("couple", spoil_spouse_relation),
        ),
    ),
    Plot("HH-MARITAL-STATUS", (("couple", blank_marital_status),)),
    Plot(
        "HH-SPOUSE-AMBIGUOUS",
        (
            ("couple", add_second_spouse),
            ("couple", add_second_spouse),
            ("couple", add_second_spouse_role),
            ("couple", add_second_spouse_relation),
            ("single", marry_oneself),
        ),
    ),
    Plot("HH-DECEASED-HEAD", (("couple", bury_head), ("single", bury_head))),
    Plot(
        "DEM-NAME",
        (("any", blank_first_name), ("couple", blank_spouse_last_name), ("any", blank_contact_client_name)),
    ),
    Plot(
        "DEM-BIRTH-DATE",
        (("any", blank_birth_date), ("couple", age_spouse_beyond_1900), ("any", mistype_century)),
    ),
    Plot(
        "ACC-MONEY",
        (
            ("any", make_account_value_negative),
            ("any", spoil_position),
            ("any", make_premium_negative),
            ("any", make_face_amount_negative),
        ),
    ),
    Plot("LIA-NAME-MISSING", (("any", blank_loan_names),)),
    Plot("LIA-INCOMPLETE", (("any", lose_loan_amount), ("any", lose_loan_date), ("any", lose_loan_period))),
    Plot("LIA-RATE", (("any", mistype_rate), ("any", make_rate_negative))),
    Plot("POL-NAME-MISSING", (("any", lose_product),)),
)
