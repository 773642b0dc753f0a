"""The reference model against examples worked out by hand: what is expected here was read in the rule book."""

from datetime import date
from decimal import Decimal

import pytest

from tests.reference import accounts, households, people, policies
from tests.reference.compare import compare_documents
from tests.reference.model import Model, case_name
from tests.reference.records import Row
from tests.reference.small import AS_OF, family, rule_ids, small_crm

D = Decimal
WIFE = {"first_name": "Bo", "role": "Wife"}
MARRIED = {"marital_status": "Married"}


@pytest.mark.parametrize(
    ("role", "is_spouse"),
    [
        ("Wife", True),
        (" DOMESTIC partner\u00a0", True),
        ("Ex-Wife", False),
        ("Partner", False),
        ("Fiance", False),
        (None, False),
    ],
)
def test_HH_SPOUSE_ROLE_takes_the_label_trimmed_in_any_case_and_nothing_else(role, is_spouse):
    verdict = Model(family({}, {"role": role}), AS_OF).profiles("H1")
    assert verdict.spouse_contact_id == (2 if is_spouse else None)


@pytest.mark.parametrize(
    ("relation", "spouse"),
    [
        ({"contact_id": 1, "related_contact_id": 2, "relation": "Wife"}, 2),
        ({"contact_id": 2, "related_contact_id": 1, "relation": "husband "}, 2),
        ({"contact_id": 2, "related_contact_id": 1, "relation": "Partner", "relation_type": "Business"}, None),
        ({"contact_id": 1, "related_contact_id": 2, "relation": "Spouse", "relation_type": "Personal"}, None),
    ],
    ids=["from the client", "from the spouse", "business partner", "not family"],
)
def test_HH_SPOUSE_RELATION_looks_from_either_side(relation, spouse):
    crm = small_crm(
        contact=[{"contact_id": 1}, {"contact_id": 2, "contact_type": "Lead"}],
        key_relation=[{"relation_id": 1, **relation}],
    )
    assert Model(crm, AS_OF).emoney("C1").spouse_contact_id == spouse


@pytest.mark.parametrize(
    ("head", "others", "expected"),
    [
        ({}, [], []),
        (MARRIED, [], ["HH-SPOUSE-ROLE-MISSING"]),
        (MARRIED, [WIFE], ["HH-ROLE-RELATION"]),
        ({}, [WIFE, WIFE], ["HH-SPOUSE-AMBIGUOUS"]),
        (MARRIED, [WIFE | {"is_deceased": True}], ["HH-SPOUSE-GONE"]),
        ({"is_deceased": True}, [], ["HH-DECEASED-HEAD"]),
        ({"marital_status": " "}, [], ["HH-MARITAL-STATUS-PROFILES"]),
        ({"record_type": "Business"}, [WIFE], ["HH-HEAD"]),
        ({"first_name": "\u00a0"}, [], ["DEM-NAME"]),
        ({"birth_date": date(1899, 12, 31)}, [], ["DEM-BIRTH-DATE"]),
        ({"birth_date": date(1900, 1, 1)}, [], []),
        ({"birth_date": AS_OF}, [], []),
        ({"birth_date": date(2026, 2, 1)}, [], ["DEM-BIRTH-DATE"]),
        ({"gender": None}, [{"role": "Son", "gender": None, "birth_date": None}], ["DEM-DEPENDENT", "DEM-GENDER"]),
    ],
    ids=str,
)
def test_findings_about_people(head, others, expected):
    assert rule_ids(Model(family(head, *others), AS_OF).profiles("H1").findings) == expected


@pytest.mark.parametrize(
    ("lacking", "is_sparse"),
    [
        ({}, False),
        ({"address_type": "Vacation"}, True),
        ({"phone_type": "Fax"}, True),
        ({"company": " "}, True),
        ({"annual_salary": None}, True),
        ({"annual_salary": None, "total_income": D("0")}, False),
    ],
    ids=str,
)
def test_DEM_SPARSE_asks_for_an_address_a_phone_an_employer_and_an_income(lacking, is_sparse):
    person = {"contact_id": 1, "company": "Harbor", "annual_salary": D("1"), "line1": "1 Quay", "number": "555-0100"}
    person |= {"address_type": "Business", "phone_type": "Mobile"} | lacking
    rows = {
        "contact": [{name: person[name] for name in person if name in ("contact_id", "company", "annual_salary")}],
        "contact_address": [
            {"address_id": 1} | {name: person[name] for name in ("contact_id", "address_type", "line1")}
        ],
        "contact_phone": [{"phone_id": 1} | {name: person[name] for name in ("contact_id", "phone_type", "number")}],
    }
    rows["contact"][0]["total_income"] = lacking.get("total_income")
    crm = small_crm(**rows)
    assert people.is_sparse(crm, crm.rows("contact")[0]) is is_sparse


def test_a_client_tied_to_itself_is_ambiguous():
    crm = small_crm(
        contact=[{"contact_id": 1, **MARRIED}],
        key_relation=[{"relation_id": 1, "contact_id": 1, "related_contact_id": 1, "relation": "Wife"}],
    )
    verdict = Model(crm, AS_OF).emoney("C1")
    assert (verdict.spouse_contact_id, rule_ids(verdict.findings)) == (None, ["HH-SPOUSE-AMBIGUOUS"])


def test_units_are_households_and_clients_in_none():
    crm = small_crm(
        household=[{"household_id": 1, "head_contact_id": 1}, {"household_id": 2, "deleted_at": "2026-01-01"}],
        household_member=[{"household_id": 1, "contact_id": 2}, {"household_id": 2, "contact_id": 3}],
        contact=[
            {"contact_id": 1},
            {"contact_id": 2},
            {"contact_id": 3},
            {"contact_id": 4, "contact_type": "Lead"},
            {"contact_id": 5, "subsystem_type": "Advisor"},
            {"contact_id": 6, "deleted_at": "2026-01-01"},
            {"contact_id": 7, "contact_type": " client"},
        ],
    )
    assert households.unit_keys(crm) == ["H1", "C3", "C7"]


def test_DEM_PICK_takes_the_preferred_row_even_where_it_is_blank():
    phones = [
        {"phone_id": 1, "contact_id": 1, "phone_type": "Home", "number": "555-0101"},
        {"phone_id": 2, "contact_id": 1, "phone_type": "mobile ", "number": " 555-0102", "extension": "7 "},
        {"phone_id": 3, "contact_id": 1, "phone_type": "Home", "number": " ", "is_preferred": True},
    ]
    crm = small_crm(contact=[{"contact_id": 1}], contact_phone=phones)
    client = crm.contact(1)
    assert people.phone(crm, client, "home") is None
    assert people.phone(crm, client, "mobile") == "555-0102 x7"


@pytest.mark.parametrize(
    ("account_type", "how_held", "qualified", "expected"),
    [
        ("roth ira ", None, False, ("Roth IRA", None)),
        ("Roth IRA", "VARIABLE ANNUITY", False, ("Variable Annuity", None)),
        ("Trust", "Bank", True, ("Trust Account", None)),
        ("Custom", "Bank", True, ("Bank Account", None)),
        ("Custom", None, True, ("Other Retirement Account", "ACC-CATEGORY-UNKNOWN")),
        (" ", None, False, ("Investment Account", "ACC-CATEGORY-MISSING")),
        (None, "", True, ("Other Retirement Account", "ACC-CATEGORY-MISSING")),
    ],
    ids=str,
)
def test_ACC_CATEGORY(account_type, how_held, qualified, expected):
    assert accounts.category(Row(account_type=account_type, how_held=how_held, is_qualified=qualified)) == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (("100.00", "20.00", "80.01"), []),
        (("100.00", "20.00", "80.02"), ["ACC-NET"]),
        (("100.00", None, "100.00"), []),
        (("100.00", "-20.00", "120.00"), []),
        (("-0.01", None, "-0.01"), ["ACC-MONEY"]),
        (("NaN", None, "5.00"), ["ACC-MONEY"]),
        ((None, "5.00", "5.00"), ["ACC-VALUE-MISSING"]),
    ],
    ids=str,
)
def test_figures_of_an_account(figures, expected):
    value, loan, net = (None if figure is None else D(figure) for figure in figures)
    record = {"account_id": 5, "primary_contact_id": 1, "account_value": value, "loan_balance": loan, "net_value": net}
    crm = family({}, investment_account=[record])
    assert rule_ids(Model(crm, AS_OF).profiles("H1").findings) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90 Days", {"count": 90, "unit": "Days"}),
        ("1 month", {"count": 1, "unit": "Months"}),
        (" 26WEEKS ", {"count": 26, "unit": "Weeks"}),
        ("ninety days", None),
        ("1.5 Years", None),
        (None, None),
    ],
)
def test_POL_ELIMINATION(text, expected):
    assert policies.elimination_period(Row(elimination_period=text)) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [("AB-1234567", "***4567"), ("12345", "***2345"), (" 1234 ", "***"), (" ", None), (None, None)],
)
def test_POL_NUMBER(number, expected):
    assert policies.masked_number(Row(policy_number=number)) == expected


POLICY = {"policy_id": 3, "primary_contact_id": 1}


@pytest.mark.parametrize(
    ("policy", "product", "expected"),
    [
        ({}, {}, []),
        ({"status": "Lapsed"}, {}, ["POL-STATUS"]),
        ({"status": "inforce, but NOT administered"}, {}, []),
        ({}, {"insurance_type": "Auto"}, ["POL-TYPE"]),
        ({"product_id": None}, {}, ["POL-NAME-MISSING"]),
        ({"primary_insured_id": 9}, {}, ["POL-INSURED-OTHER"]),
        ({"primary_insured_id": 9}, {"insurance_type": "Annuity", "plan_type": "va"}, ["ACC-FIXED-ANNUITY-VA"]),
        ({"annual_premium": None}, {}, ["POL-PREMIUM-MISSING"]),
        ({"annual_premium": None, "annualized_premium": D(0)}, {}, []),
        ({"basic_face_amount": D("-1")}, {}, ["ACC-MONEY"]),
        ({"basic_face_amount": None}, {}, ["POL-BENEFIT"]),
        ({"gross_cash_value": None}, {"insurance_type": "Annuity"}, ["ACC-VALUE-MISSING"]),
        ({"elimination_period": "soon"}, {"insurance_type": "Disability"}, ["POL-ELIMINATION-TEXT"]),
        ({"elimination_period": "soon"}, {}, []),
    ],
    ids=str,
)
def test_findings_about_policies(policy, product, expected):
    crm = family({}, policy=[POLICY | policy], product=[{"product_id": 1, **product}], carrier=[{"carrier_id": 1}])
    assert rule_ids(Model(crm, AS_OF).profiles("H1").findings) == expected


def test_the_same_contract_as_account_and_policy_is_ACC_TWICE():
    crm = family(
        {},
        investment_account=[{"account_id": 5, "primary_contact_id": 1, "account_number": "ab 12-3"}],
        policy=[POLICY | {"policy_number": "AB.123"}],
        product=[{"product_id": 1}],
        carrier=[{"carrier_id": 1}],
    )
    assert rule_ids(Model(crm, AS_OF).profiles("H1").findings) == ["ACC-TWICE"]


def test_the_case_is_named_after_the_household_and_cut_at_49_characters():
    crm = small_crm(
        household=[{"household_id": 1, "head_contact_id": 1, "name": " " + "🙂" * 60}], contact=[{"contact_id": 1}]
    )
    assert case_name(households.read_unit(crm, "H1")) == "🙂" * 49
    assert case_name(households.read_unit(crm, "C1")) == "Ann Harbor"


def test_without_Investment_Tracking_policies_still_go_to_emoney():
    rights = ("eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator")
    crm = family(
        {"assigned_user_id": 8},
        crm_user=[{"user_id": 8, "user_name": "ann"}],
        user_right=[{"user_id": 8, "right_name": right} for right in rights],
        investment_account=[{"account_id": 5, "primary_contact_id": 1}],
        policy=[POLICY],
        product=[{"product_id": 1}],
        carrier=[{"carrier_id": 1}],
    )
    verdict = Model(crm, AS_OF).emoney("H1")
    assert [item["sourceKey"] for item in verdict.document["items"]] == ["policy:3"]
    assert verdict.license.missing == ()
    assert Model(crm, AS_OF).profiles("H1").license.missing == (("LIC-PROFILES", "Profiles Professional - Web"),)


def test_documents_are_compared_field_by_field():
    expected = {
        "a": D("10.00"),
        "list": [{"externalSourceId": "account:1", "x": None}, {"externalSourceId": "account:2"}],
    }
    same = {"list": [{"externalSourceId": "account:2"}, {"externalSourceId": "account:1", "x": None}], "a": 10}
    assert compare_documents(expected, same) == []
    other = {"a": True, "list": [{"externalSourceId": "account:1", "x": 0}]}
    assert compare_documents(expected, other) == [
        "a: expected Decimal('10.00'), actual True",
        "list.[account:1].x: expected None, actual 0",
        "list.[account:2]: expected {'externalSourceId': 'account:2'}, actual nothing",
    ]
