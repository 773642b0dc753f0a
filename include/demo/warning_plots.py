"""The ways in which demo families break the rules that only put a household on the stewards' worklist.

Where the rule book leaves open whether a finding shows at eMoney too (its documents carry no category, premium or
elimination period), the list names Profiles alone.
"""

from include.demo.breaks import BOTH, PROFILES, Break, Plot, broken, of_unit
from include.demo.catalog import BROKERAGE, MORTGAGE, VARIABLE_ANNUITY
from include.demo.desk import Desk, Family
from include.demo.families import join, relate
from include.demo.holdings import add_account
from include.demo.loans import add_loan
from include.demo.people import add_email, add_person, is_female
from include.demo.policies import add_policy

WARNING = "warning"
_BLANKS = (None, "", "  ", "\u00a0")
_BAD_ADDRESSES = ("none", "first.last@@example.com", "first last@example.com", "@example.com", "first.last@")


def unflag_household(desk: Desk, family: Family) -> list[Break]:
    family.members[family.head["contact_id"]]["is_primary"] = desk.dice.pick((False, None))
    return of_unit(family, "HH-PRIMARY", WARNING, BOTH)


def blank_single_status(desk: Desk, family: Family) -> list[Break]:
    family.head["marital_status"] = desk.dice.pick(_BLANKS)
    return of_unit(family, "HH-MARITAL-STATUS-PROFILES", WARNING, PROFILES)


def widow_head(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse is not None
    family.head["marital_status"] = "Widowed"
    family.spouse["is_deceased"] = True
    return of_unit(family, "HH-SPOUSE-GONE", WARNING, BOTH)


def delete_spouse(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse is not None
    family.spouse["deleted_at"] = desk.book.moment()
    return of_unit(family, "HH-SPOUSE-GONE", WARNING, BOTH)


def separate(desk: Desk, family: Family) -> list[Break]:
    """Separated: the role is cleared already, the key relation still says spouse."""
    assert family.spouse is not None
    family.head["marital_status"] = "Separated"
    family.members[family.spouse["contact_id"]]["role"] = None
    return of_unit(family, "HH-ROLE-RELATION", WARNING, BOTH)


def move_in_together(desk: Desk, family: Family) -> list[Break]:
    """The role says partner; no key relation does, and the status says single."""
    assert family.spouse is not None
    assert family.spouse_relation is not None
    family.head["marital_status"] = "Single"
    family.members[family.spouse["contact_id"]]["role"] = "Domestic Partner"
    desk.book.remove("key_relation", family.spouse_relation)
    return of_unit(family, "HH-ROLE-RELATION", WARNING, BOTH)


def name_two_spouses(desk: Desk, family: Family) -> list[Break]:
    """The role names one spouse, the key relation another: remarried, and only one of the lists brought up to date."""
    assert family.spouse is not None
    assert family.spouse_relation is not None
    birth = desk.today - desk.dice.whole(10_000, 20_000)
    other = add_person(
        desk,
        family.office,
        family.user_id,
        is_female(family.spouse),
        birth,
        contact_type="Prospect",
        marital_status="Married",
    )
    desk.book.remove("key_relation", family.spouse_relation)
    relate(desk, family.head, other, "Spouse")
    return of_unit(family, "HH-ROLE-RELATION", WARNING, BOTH)


def give_spouse_a_household(desk: Desk, family: Family) -> list[Break]:
    """The couple is in the book twice: once with each of them as head. Only one household is anybody's primary one."""
    assert family.spouse is not None
    assert family.household is not None
    household = desk.book.add(
        "household",
        office_id=family.office.office_id,
        name=family.household["name"],
        head_contact_id=family.spouse["contact_id"],
    )
    twin = Family(family.office, family.user_id, family.spouse, household)
    join(desk, twin, family.spouse, "Head", is_primary=False)
    join(desk, twin, family.head, "Spouse", is_primary=False)
    return (
        of_unit(family, "HH-COUPLE-TWICE", WARNING, BOTH)
        + of_unit(twin, "HH-COUPLE-TWICE", WARNING, BOTH)
        + of_unit(twin, "HH-PRIMARY", WARNING, BOTH)
    )


def blank_child(desk: Desk, family: Family) -> list[Break]:
    child = family.children[0]
    column = desk.dice.pick(("first_name", "last_name", "birth_date"))
    child[column] = None
    return broken(family, "DEM-DEPENDENT", WARNING, PROFILES, "contact", child["contact_id"])


def blank_gender(desk: Desk, family: Family) -> list[Break]:
    family.head["gender"] = desk.dice.pick(_BLANKS)
    return broken(family, "DEM-GENDER", WARNING, PROFILES, "contact", family.head["contact_id"])


def blank_spouse_gender(desk: Desk, family: Family) -> list[Break]:
    assert family.spouse is not None
    family.spouse["gender"] = desk.dice.pick(_BLANKS)
    return broken(family, "DEM-GENDER", WARNING, PROFILES, "contact", family.spouse["contact_id"])


def spoil_email(desk: Desk, family: Family) -> list[Break]:
    head_id = family.head["contact_id"]
    add_email(desk, family.head, "Personal")
    for email in desk.book.rows["contact_email"]:
        if email["contact_id"] == head_id:
            email["address"] = desk.dice.pick(_BAD_ADDRESSES)
    return broken(family, "DEM-E-MAIL", WARNING, BOTH, "contact", head_id)


def blank_account_type(desk: Desk, family: Family) -> list[Break]:
    account = add_account(desk, family, BROKERAGE, family.head)
    account.update(
        account_type=desk.dice.pick(_BLANKS), how_held=desk.dice.pick(_BLANKS), is_qualified=desk.dice.flag(0.4)
    )
    return broken(family, "ACC-CATEGORY-MISSING", WARNING, PROFILES, "account", account["account_id"])


def invent_account_type(desk: Desk, family: Family) -> list[Break]:
    account = add_account(desk, family, BROKERAGE, family.head)
    account.update(account_type="Donor Advised Fund", how_held=desk.dice.pick((None, "Street Name")))
    return broken(family, "ACC-CATEGORY-UNKNOWN", WARNING, PROFILES, "account", account["account_id"])


def empty_variable_annuity(desk: Desk, family: Family) -> list[Break]:
    account = add_account(desk, family, VARIABLE_ANNUITY, family.head)
    for position in [
        row for row in desk.book.rows["investment_position"] if row["account_id"] == account["account_id"]
    ]:
        desk.book.remove("investment_position", position)
    return broken(family, "ACC-VARIABLE-ANNUITY-EMPTY", WARNING, PROFILES, "account", account["account_id"])


def enter_variable_annuity_as_policy(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, "Annuity", family.head)
    policy["product_id"] = desk.dice.pick(family.office.plans["VA"]).product_id
    return broken(family, "ACC-FIXED-ANNUITY-VA", WARNING, PROFILES, "policy", policy["policy_id"])


def enter_contract_twice(desk: Desk, family: Family) -> list[Break]:
    account = add_account(desk, family, VARIABLE_ANNUITY, family.head)
    policy = add_policy(desk, family, "Annuity", family.head)
    digits = desk.dice.digits(7)
    account["account_number"], policy["policy_number"] = f"va-{digits[:3]} {digits[3:]}", f"VA{digits}"
    return broken(family, "ACC-TWICE", WARNING, BOTH, "account", account["account_id"])


def miscount_net_value(desk: Desk, family: Family) -> list[Break]:
    account = add_account(desk, family, BROKERAGE, family.head)
    account["net_value"] = round(
        account["account_value"] - (account["loan_balance"] or 0) + desk.dice.pick((0.02, -1500.0)), 2
    )
    return broken(family, "ACC-NET", WARNING, BOTH, "account", account["account_id"])


def untick_calculate(desk: Desk, family: Family) -> list[Break]:
    loan = add_loan(desk, family, MORTGAGE, family.head, "recorded")
    loan["calculate"] = desk.dice.pick((False, None))
    return broken(family, "LIA-NOT-CALCULATED", WARNING, PROFILES, "liability", loan["liability_id"])


def let_balance_drift(desk: Desk, family: Family) -> list[Break]:
    """The balance was typed in years ago, or with a slip: a fifth of the original amount away from the computed one."""
    loan = add_loan(desk, family, MORTGAGE, family.head, "recorded")
    loan["loan_balance"] = round(loan["loan_balance"] + 0.2 * loan["orig_loan_amount"], 2)
    return broken(family, "LIA-DRIFT", WARNING, PROFILES, "liability", loan["liability_id"])


def lose_premiums(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, "Life", family.head)
    policy.update(annual_premium=None, annualized_premium=None)
    return broken(family, "POL-PREMIUM-MISSING", WARNING, PROFILES, "policy", policy["policy_id"])


def insure_child(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, "Life", family.head)
    policy["primary_insured_id"] = family.children[0]["contact_id"]
    return broken(family, "POL-INSURED-OTHER", WARNING, PROFILES, "policy", policy["policy_id"])


def spoil_elimination_period(desk: Desk, family: Family) -> list[Break]:
    policy = add_policy(desk, family, desk.dice.pick(("Disability", "LTC")), family.head)
    policy["elimination_period"] = desk.dice.pick(("ninety days", "90", "see rider", "90/90", "n/a"))
    return broken(family, "POL-ELIMINATION-TEXT", WARNING, PROFILES, "policy", policy["policy_id"])


WARNING_PLOTS = (
    Plot("HH-PRIMARY", (("any", unflag_household),)),
    Plot("HH-MARITAL-STATUS-PROFILES", (("single", blank_single_status),)),
    Plot("HH-SPOUSE-GONE", (("couple", widow_head), ("couple", delete_spouse))),
    Plot("HH-ROLE-RELATION", (("couple", separate), ("couple", move_in_together), ("couple", name_two_spouses))),
    Plot("HH-COUPLE-TWICE", (("couple", give_spouse_a_household),)),
    Plot("DEM-DEPENDENT", (("child", blank_child),)),
    Plot("DEM-GENDER", (("any", blank_gender), ("couple", blank_spouse_gender))),
    Plot("DEM-E-MAIL", (("any", spoil_email),)),
    Plot("ACC-CATEGORY-MISSING", (("any", blank_account_type),)),
    Plot("ACC-CATEGORY-UNKNOWN", (("any", invent_account_type),)),
    Plot("ACC-VARIABLE-ANNUITY-EMPTY", (("any", empty_variable_annuity),)),
    Plot("ACC-FIXED-ANNUITY-VA", (("any", enter_variable_annuity_as_policy),)),
    Plot("ACC-TWICE", (("any", enter_contract_twice),)),
    Plot("ACC-NET", (("any", miscount_net_value),)),
    Plot("LIA-NOT-CALCULATED", (("any", untick_calculate),)),
    Plot("LIA-DRIFT", (("any", let_balance_drift),)),
    Plot("POL-PREMIUM-MISSING", (("any", lose_premiums),)),
    Plot("POL-INSURED-OTHER", (("child", insure_child),)),
    Plot("POL-ELIMINATION-TEXT", (("any", spoil_elimination_period),)),
)
