"""Planted defects: which rule some families break, how, and the list of broken rules beside the database.

Where the rule book leaves open whether a finding shows at eMoney too (its documents carry no category, premium or
elimination period), the list names Profiles alone.
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from include.demo.accounts import add_account
from include.demo.catalog import BROKERAGE, MORTGAGE, VARIABLE_ANNUITY
from include.demo.draft import NBSP, Family, Rng, Row, entity_of
from include.demo.families import make_contact_client
from include.demo.loans import add_loan
from include.demo.names import FORMULA_NAME, MARKUP_NAME
from include.demo.people import add_email, add_person, is_female, relate
from include.demo.policies import add_policy

CRITICAL, WARNING = "critical", "warning"
PROFILES, EMONEY = ("profiles",), ("emoney",)
BOTH = PROFILES + EMONEY

_LEAST = 3  # households that break each rule in an office of full size
_FULL_SIZE = 240  # households from which on each rule is broken so often
_SMALL_SIZE = 80  # from which on each rule is broken once; a smaller office is clean
_SHARES = {CRITICAL: 0.004, WARNING: 0.008}  # of all households, for each rule

_BLANKS = (None, "", "  ", NBSP)
_NO_SPOUSE_ROLES = ("Partner", "Fiancee", None, "Ex-Wife", "Other", " ")
_NO_SPOUSE_RELATIONS = ("Fiancee", "Ex-Spouse", None, "Other")
_BAD_ADDRESSES = ("none", "first.last@@example.com", "first last@example.com", "@example.com", "first.last@")
_BAD_PERIODS = ("ninety days", "90", "see rider", "90/90", "n/a")

Edit = Callable[[Family], Row | None]
Finder = Callable[[Family], Row]


@dataclass(frozen=True, order=True)
class Break:
    """One rule broken by one record of one unit at one vendor."""

    unit_key: str
    vendor: str
    rule_id: str
    severity: str
    entity: str
    entity_id: int


class Defect(NamedTuple):
    """A rule, the vendors at which it is broken, and one way to break it.

    `needs` is the family that the edit takes: `any`, `couple`, `single`, `child` (a couple with a child at home), or
    `client` (without a household). `edit` gives the record at fault; under rules HH-… the unit as a whole is at fault.
    """

    rule_id: str
    severity: str
    vendors: tuple[str, ...]
    needs: str
    edit: Edit


def plan_defects(households: int, rng: Rng) -> dict[int, Defect]:
    """The defect of each family that gets one, by the family's number from 0: fixed shares, spread at random."""
    chosen: list[Defect] = []
    for _, group in groupby(DEFECTS, key=lambda defect: defect.rule_id):
        ways = list(group)
        chosen += [ways[turn % len(ways)] for turn in range(_times(ways, households))]
    families = count_families(households, chosen)
    return dict(zip(rng.sample(range(families), len(chosen)), chosen, strict=True))


def _times(ways: list[Defect], households: int) -> int:
    """How many families break a rule that can be broken in these ways."""
    if households < _SMALL_SIZE:
        return 0
    if households < _FULL_SIZE:
        return 1
    return max(_LEAST, len(ways), round(households * _SHARES[ways[0].severity]))


def count_families(households: int, defects: Iterable[Defect]) -> int:
    """How many families make that number of households: a couple that is in the CRM twice makes two."""
    return households - sum(defect.rule_id == "HH-COUPLE-TWICE" for defect in defects)


def special_names(plan: dict[int, Defect]) -> dict[int, tuple[str, str]]:
    """By number of the family: the two heads whose names a careless page or spreadsheet would run.

    Where families have defects, each of the two has a warning, so that the name shows on the worklist.
    """
    first = {defect.rule_id: number for number, defect in reversed(plan.items())}
    return {first.get("DEM-GENDER", 0): MARKUP_NAME, first.get("LIA-NOT-CALCULATED", 1): FORMULA_NAME}


def plant(defect: Defect, family: Family) -> list[Break]:
    """Break the rule in the family (or in a new client without a household); gives the entries of the list."""
    if defect.needs == "client":
        family = make_contact_client(family.office, family.user_id)
    record = defect.edit(family)
    broken = [(family, defect.rule_id, defect.severity, defect.vendors)]
    broken += [(family, rule_id, WARNING, vendors) for rule_id, vendors in _COMPANIONS.get(defect.rule_id, ())]
    if family.twin:
        broken += [(family.twin, rule_id, WARNING, BOTH) for rule_id in ("HH-COUPLE-TWICE", "HH-PRIMARY")]
    breaks = []
    for unit, rule_id, severity, vendors in broken:
        at_fault = unit.record if record is None or rule_id.startswith("HH-") else record
        breaks += [Break(unit.unit_key, vendor, rule_id, severity, *entity_of(at_fault)) for vendor in vendors]
    return breaks


def write_breaks(path: Path, breaks: Iterable[Break]) -> None:
    """Write the list as JSON, one entry a line, sorted."""
    lines = ",\n".join(json.dumps(asdict(each), sort_keys=True) for each in sorted(breaks))
    path.write_text(f"[\n{lines}\n]\n" if lines else "[]\n", encoding="utf-8")


# The records that edits change: records of the family, and new ones.
_head: Finder = attrgetter("head")
_spouse: Finder = attrgetter("spouse")
_household: Finder = attrgetter("household")
_spouse_relation: Finder = attrgetter("spouse_relation")


def _head_member(family: Family) -> Row:
    return family.members[family.head["contact_id"]]


def _spouse_member(family: Family) -> Row:
    return family.members[family.spouse["contact_id"]]


def _brokerage(family: Family) -> Row:
    return add_account(family, BROKERAGE, family.head)


def _position(family: Family) -> Row:
    _brokerage(family)
    return family.draft.rows["investment_position"][-1]


def _policy(*insurance_types: str) -> Finder:
    return lambda family: add_policy(family, _one_of(family, insurance_types), family.head)


def _mortgage(*styles: str) -> Finder:
    return lambda family: add_loan(family, MORTGAGE, family.head, _one_of(family, styles))


def _one_of(family: Family, options: tuple[str, ...]) -> str:
    return family.rng.pick(options) if len(options) > 1 else options[0]


def _set(find: Finder, **columns: Any) -> Edit:
    """An edit that fills in columns of a record.

    A value that is a tuple stands for one of its values at random; a function computes it from family and record.
    """

    def edit(family: Family) -> Row:
        row = find(family)
        for column, value in columns.items():
            if isinstance(value, tuple):
                row[column] = family.rng.pick(value)
            else:
                row[column] = value(family, row) if callable(value) else value
        return row

    return edit


def _now(family: Family, _: Row) -> str:
    return family.draft.moment()


def _company_name(_: Family, head: Row) -> str:
    return f"{head['last_name'].strip()} & Company"


def _before_1900(family: Family, _: Row) -> str:
    return (date(1899, 12, 31) - timedelta(family.rng.whole(0, 3000))).isoformat()


def _wrong_century(family: Family, head: Row) -> str:
    return f"20{family.rng.whole(61, 99)}{head['birth_date'][4:7]}-15"


def _negative(column: str) -> Callable[[Family, Row], float]:
    return lambda _, row: -row[column]


def _account_value(_: Family, account: Row) -> float:
    return account["account_value"]


def _no_number(family: Family, position: Row) -> float:
    """NaN where the database has it, else a negative value."""
    return math.nan if family.draft.native_nan else -position["market_value"]


def _wrong_net_value(family: Family, account: Row) -> float:
    value: float = account["account_value"] - (account["loan_balance"] or 0)
    return round(value + family.rng.pick((0.02, -1500.0)), 2)


def _drifted_balance(_: Family, loan: Row) -> float:
    """A balance typed in years ago, or with a slip: a fifth of the original amount away from the computed one."""
    return round(loan["loan_balance"] + 0.2 * loan["orig_loan_amount"], 2)


def _variable_annuity(family: Family, _: Row) -> int:
    return family.rng.pick(family.office.products["VA"])


def _child_id(family: Family, _: Row) -> int:
    return int(family.children[0]["contact_id"])


# Edits of more than one record.


def _add_stranger(family: Family, female: bool) -> Row:
    """A person who belongs to no family yet."""
    days_old = family.rng.whole(10_000, 20_000)
    return add_person(
        family.office, family.user_id, female, days_old, contact_type="Prospect", marital_status="Married"
    )


def _add_second_role(family: Family) -> Row:
    other = _add_stranger(family, not is_female(family.head))
    family.join(other, "Spouse", is_primary=False)
    return other


def _add_second_relation(family: Family) -> None:
    relate(family.draft, family.head, _add_stranger(family, not is_female(family.head)), "Domestic Partner")


def _add_second_spouse(family: Family) -> None:
    relate(family.draft, _add_second_role(family), family.head, "Spouse")


def _marry_oneself(family: Family) -> None:
    relate(family.draft, family.head, family.head, "Spouse")


def _marry_without_household(family: Family) -> None:
    """The key relation names the spouse of a client without a household; no role can."""
    family.head["marital_status"] = "Married"
    relate(family.draft, family.head, _add_stranger(family, not is_female(family.head)), "Spouse")


def _remove_spouse_relation(family: Family) -> None:
    family.draft.remove("key_relation", family.spouse_relation)


def _widow_head(family: Family) -> None:
    family.head["marital_status"] = "Widowed"
    family.spouse["is_deceased"] = True


def _separate(family: Family) -> None:
    """Separated: the role is cleared already, the key relation still says spouse."""
    family.head["marital_status"] = "Separated"
    _spouse_member(family)["role"] = None


def _move_in_together(family: Family) -> None:
    """The role says partner; no key relation does, and the status says single."""
    family.head["marital_status"] = "Single"
    _spouse_member(family)["role"] = "Domestic Partner"
    _remove_spouse_relation(family)


def _name_two_spouses(family: Family) -> None:
    """The role names one spouse, the key relation another: remarried, and only one list brought up to date."""
    other = _add_stranger(family, is_female(family.spouse))
    _remove_spouse_relation(family)
    relate(family.draft, family.head, other, "Spouse")


def _give_spouse_a_household(family: Family) -> None:
    """The couple is in the CRM twice: once with each of them as head. The second household is nobody's primary one."""
    columns = {"name": family.household["name"], "head_contact_id": family.spouse["contact_id"]}
    household = family.draft.add("household", family.office.row, **columns)
    family.twin = Family(family.office, family.user_id, family.spouse, household)
    family.twin.join(family.spouse, "Head", is_primary=False)
    family.twin.join(family.head, "Spouse", is_primary=False)


def _blank_child(family: Family) -> Row:
    child = family.children[0]
    child[family.rng.pick(("first_name", "last_name", "birth_date"))] = None
    return child


def _spoil_emails(family: Family) -> Row:
    add_email(family.draft, family.head, "Personal")
    for email in family.draft.rows["contact_email"]:
        if email["contact_id"] == family.head["contact_id"]:
            email["address"] = family.rng.pick(_BAD_ADDRESSES)
    return family.head


def _add_empty_annuity(family: Family) -> Row:
    account, rows = add_account(family, VARIABLE_ANNUITY, family.head), family.draft.rows
    others = [row for row in rows["investment_position"] if row["account_id"] != account["account_id"]]
    rows["investment_position"] = others
    return account


def _enter_contract_twice(family: Family) -> Row:
    account = add_account(family, VARIABLE_ANNUITY, family.head)
    policy = add_policy(family, "Annuity", family.head)
    digits = family.rng.digits(7)
    account["account_number"], policy["policy_number"] = f"va-{digits[:3]} {digits[3:]}", f"VA{digits}"
    return account


# By rule, the warnings that come with it: role and relation no longer name the same spouse, and the like.
_COMPANIONS = {
    "HH-SPOUSE-ROLE-MISSING": (("HH-ROLE-RELATION", BOTH),),
    "HH-SPOUSE-RELATION-MISSING": (("HH-ROLE-RELATION", BOTH),),
    "HH-MARITAL-STATUS": (("HH-MARITAL-STATUS-PROFILES", PROFILES),),
}

# Families take the ways to break a rule in turn; a way that stands here twice is taken twice as often.
DEFECTS = (
    Defect("HH-HEAD", CRITICAL, BOTH, "single", _set(_household, head_contact_id=None)),
    Defect("HH-HEAD", CRITICAL, BOTH, "single", _set(_head, deleted_at=_now)),
    Defect(
        "HH-HEAD", CRITICAL, BOTH, "single",
        _set(_head, record_type="Business", subsystem_type="Business", business_name=_company_name),
    ),
    *[Defect("HH-SPOUSE-ROLE-MISSING", CRITICAL, PROFILES, "couple", _set(_spouse_member, role=_NO_SPOUSE_ROLES))] * 2,
    Defect("HH-SPOUSE-ROLE-MISSING", CRITICAL, PROFILES, "client", _marry_without_household),
    Defect("HH-SPOUSE-RELATION-MISSING", CRITICAL, EMONEY, "couple", _remove_spouse_relation),
    Defect(
        "HH-SPOUSE-RELATION-MISSING", CRITICAL, EMONEY, "couple",
        _set(_spouse_relation, relation_type="Business", relation="Partner"),
    ),
    Defect(
        "HH-SPOUSE-RELATION-MISSING", CRITICAL, EMONEY, "couple", _set(_spouse_relation, relation=_NO_SPOUSE_RELATIONS)
    ),
    Defect("HH-MARITAL-STATUS", CRITICAL, EMONEY, "couple", _set(_head, marital_status=_BLANKS)),
    *[Defect("HH-SPOUSE-AMBIGUOUS", CRITICAL, BOTH, "couple", _add_second_spouse)] * 2,
    Defect("HH-SPOUSE-AMBIGUOUS", CRITICAL, PROFILES, "couple", _add_second_role),
    Defect("HH-SPOUSE-AMBIGUOUS", CRITICAL, EMONEY, "couple", _add_second_relation),
    Defect("HH-SPOUSE-AMBIGUOUS", CRITICAL, EMONEY, "single", _marry_oneself),
    Defect("HH-DECEASED-HEAD", CRITICAL, BOTH, "couple", _set(_head, is_deceased=True)),
    Defect("HH-DECEASED-HEAD", CRITICAL, BOTH, "single", _set(_head, is_deceased=True)),
    Defect("DEM-NAME", CRITICAL, BOTH, "any", _set(_head, first_name=_BLANKS)),
    Defect("DEM-NAME", CRITICAL, BOTH, "couple", _set(_spouse, last_name=_BLANKS)),
    Defect("DEM-NAME", CRITICAL, BOTH, "client", _set(_head, first_name=_BLANKS)),
    Defect("DEM-BIRTH-DATE", CRITICAL, BOTH, "any", _set(_head, birth_date=None)),
    Defect("DEM-BIRTH-DATE", CRITICAL, BOTH, "couple", _set(_spouse, birth_date=_before_1900)),
    Defect("DEM-BIRTH-DATE", CRITICAL, BOTH, "any", _set(_head, birth_date=_wrong_century)),
    Defect(
        "ACC-MONEY", CRITICAL, BOTH, "any",
        _set(_brokerage, account_value=_negative("account_value"), loan_balance=None, net_value=_account_value),
    ),
    Defect("ACC-MONEY", CRITICAL, PROFILES, "any", _set(_position, market_value=_no_number)),
    Defect("ACC-MONEY", CRITICAL, BOTH, "any", _set(_policy("Life"), annual_premium=-480.0)),
    Defect("ACC-MONEY", CRITICAL, BOTH, "any", _set(_policy("Life"), basic_face_amount=_negative("basic_face_amount"))),
    Defect(
        "LIA-NAME-MISSING", CRITICAL, PROFILES, "any",
        _set(_mortgage("recorded", "originating"), lender=_BLANKS, loan_number=_BLANKS, account_name=_BLANKS),
    ),
    Defect("LIA-INCOMPLETE", CRITICAL, PROFILES, "any", _set(_mortgage("originating"), orig_loan_amount=None)),
    Defect("LIA-INCOMPLETE", CRITICAL, PROFILES, "any", _set(_mortgage("computed"), orig_loan_date=None)),
    Defect("LIA-INCOMPLETE", CRITICAL, PROFILES, "any", _set(_mortgage("originating"), orig_balloon_period=None)),
    Defect("LIA-RATE", CRITICAL, PROFILES, "any", _set(_mortgage("recorded"), interest_rate=425.0)),
    Defect("LIA-RATE", CRITICAL, PROFILES, "any", _set(_mortgage("originating"), orig_interest_rate=-4.25)),
    Defect("POL-NAME-MISSING", CRITICAL, BOTH, "any", _set(_policy("Life"), product_id=None)),
    Defect("HH-PRIMARY", WARNING, BOTH, "any", _set(_head_member, is_primary=(False, None))),
    Defect("HH-MARITAL-STATUS-PROFILES", WARNING, PROFILES, "single", _set(_head, marital_status=_BLANKS)),
    Defect("HH-SPOUSE-GONE", WARNING, BOTH, "couple", _widow_head),
    Defect("HH-SPOUSE-GONE", WARNING, BOTH, "couple", _set(_spouse, deleted_at=_now)),
    Defect("HH-ROLE-RELATION", WARNING, BOTH, "couple", _separate),
    Defect("HH-ROLE-RELATION", WARNING, BOTH, "couple", _move_in_together),
    Defect("HH-ROLE-RELATION", WARNING, BOTH, "couple", _name_two_spouses),
    Defect("HH-COUPLE-TWICE", WARNING, BOTH, "couple", _give_spouse_a_household),
    Defect("DEM-DEPENDENT", WARNING, PROFILES, "child", _blank_child),
    Defect("DEM-GENDER", WARNING, PROFILES, "any", _set(_head, gender=_BLANKS)),
    Defect("DEM-GENDER", WARNING, PROFILES, "couple", _set(_spouse, gender=_BLANKS)),
    Defect("DEM-E-MAIL", WARNING, BOTH, "any", _spoil_emails),
    Defect(
        "ACC-CATEGORY-MISSING", WARNING, PROFILES, "any",
        _set(_brokerage, account_type=_BLANKS, how_held=_BLANKS, is_qualified=lambda family, _: family.rng.flag(0.4)),
    ),
    Defect(
        "ACC-CATEGORY-UNKNOWN", WARNING, PROFILES, "any",
        _set(_brokerage, account_type="Donor Advised Fund", how_held=(None, "Street Name")),
    ),
    Defect("ACC-VARIABLE-ANNUITY-EMPTY", WARNING, PROFILES, "any", _add_empty_annuity),
    Defect("ACC-FIXED-ANNUITY-VA", WARNING, PROFILES, "any", _set(_policy("Annuity"), product_id=_variable_annuity)),
    Defect("ACC-TWICE", WARNING, BOTH, "any", _enter_contract_twice),
    Defect("ACC-NET", WARNING, BOTH, "any", _set(_brokerage, net_value=_wrong_net_value)),
    Defect("LIA-NOT-CALCULATED", WARNING, PROFILES, "any", _set(_mortgage("recorded"), calculate=(False, None))),
    Defect("LIA-DRIFT", WARNING, PROFILES, "any", _set(_mortgage("recorded"), loan_balance=_drifted_balance)),
    Defect(
        "POL-PREMIUM-MISSING", WARNING, PROFILES, "any",
        _set(_policy("Life"), annual_premium=None, annualized_premium=None),
    ),
    Defect("POL-INSURED-OTHER", WARNING, PROFILES, "child", _set(_policy("Life"), primary_insured_id=_child_id)),
    Defect(
        "POL-ELIMINATION-TEXT", WARNING, PROFILES, "any",
        _set(_policy("Disability", "LTC"), elimination_period=_BAD_PERIODS),
    ),
)  # fmt: skip
