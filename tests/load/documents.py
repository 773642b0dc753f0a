"""Profiles documents for the tests of the merge: valid by default, and at random."""

import copy
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from etl.load.http.strict_json import canonical

Document = dict[str, Any]

NAMES = st.sampled_from(["Ann", "Bea", "Cid"])
TEXTS = st.sampled_from([None, "one", "two"])
MONEY = st.sampled_from([None, 0, 5, 5.0, 0.1, 1200.5, Decimal("0.10"), Decimal("1200.50")])


def address(**given: Any) -> Document:
    empty = dict.fromkeys(["line1", "line2", "city", "state", "postalCode", "country"])
    return {**empty, "line1": "1 Elm St", "city": "Salem", **given}


def person(**given: Any) -> Document:
    names = ["addressInfo", "homePhone", "cellPhone", "fax", "email", "employerName", "employerAddress", "workPhone"]
    rest = dict.fromkeys([*names, "workFax", "jobTitle", "gender", "maritalStatus"])
    known = {"firstName": "Ann", "lastName": "Lee", "birthDate": "1970-01-31", "income": {"annualSalary": None}}
    return {**rest, **known, **given}


def holding(number: int, **given: Any) -> Document:
    plain = {"ticker": "ABC", "holdingName": "A Fund", "holdingsValue": 10}
    return {"externalSourceId": f"position:{number}", **plain, **given}


def asset(number: int, **given: Any) -> Document:
    plain = {"accountName": "Account", "accountType": "401(k)", "holdingsValue": 10, "cashBalance": None}
    more = {"typeOfFund": "Qualified", "owner": "clientA", "holdings": []}
    return {"externalSourceId": f"account:{number}", **plain, **more, **given}


def policy(number: int, **given: Any) -> Document:
    plain = {"kind": "life", "insurancePolicy": "Carrier Plan", "insured": "clientA", "beneficiaries": []}
    more = {"annualPremium": 100, "owner": "clientA", "deathBenefit": 1000, "eliminationPeriod": None}
    return {"externalSourceId": f"policy:{number}", **plain, **more, **given}


def document(**given: Any) -> Document:
    lists: Document = {"dependents": [], "assets": [], "liabilities": [], "insurancePolicies": []}
    return {"clientA": person(), "clientB": None, **lists, **given}


ADDRESSES = st.none() | st.builds(lambda line, city: address(line1=line, city=city), st.just("1 Elm St"), TEXTS)
PERSONS = st.builds(
    lambda first, phone, home, work, salary: person(
        firstName=first, cellPhone=phone, addressInfo=home, employerAddress=work, income={"annualSalary": salary}
    ),
    NAMES,
    TEXTS,
    ADDRESSES,
    ADDRESSES,
    MONEY,
)
KEYS = st.sampled_from([[], [1], [2, 1], [1, 3]])


def text(path: tuple[str, ...], value: Any) -> str:
    """A value as the merge compares it: numbers by value, beneficiaries as a set, nobody as none."""
    is_set = path[-1] == "beneficiaries"
    return canonical((value or None) if is_set else value, is_set)


def items_of(build: Any, **fields: Any) -> Any:
    """A list of items with distinct keys."""
    one = st.fixed_dictionaries(fields)
    return KEYS.flatmap(
        lambda keys: st.tuples(*[one.map(lambda given, key=key: build(key, **given)) for key in keys])
    ).map(list)


HOLDINGS = items_of(holding, holdingsValue=MONEY, ticker=TEXTS)
ASSETS = items_of(asset, accountType=TEXTS, cashBalance=MONEY, holdings=HOLDINGS)
BENEFICIARIES = st.lists(st.sampled_from(["clientA", "dependent:contact:8", "dependent:contact:9"]), unique=True)
PERIODS = st.sampled_from([None, {"count": 90, "unit": "Days"}, {"count": 3, "unit": "Months"}])
POLICIES = items_of(policy, beneficiaries=BENEFICIARIES, eliminationPeriod=PERIODS, annualPremium=MONEY)
DOCUMENTS = st.builds(
    lambda a, b, assets, policies: document(clientA=a, clientB=b, assets=assets, insurancePolicies=policies),
    PERSONS,
    st.none() | PERSONS,
    ASSETS,
    POLICIES,
)


@st.composite
def edited(draw: Any, original: Document) -> Document:
    """The document after an advisor was at it: fields changed, items deleted and added, unknown fields, new order."""
    theirs = copy.deepcopy(original)
    for name in ("assets", "insurancePolicies"):
        kept = [item for item in theirs[name] if draw(st.integers(0, 4))]
        typed_in = [{"accountName": "typed in", "owner": "clientA"}] * draw(st.integers(0, 1))
        theirs[name] = draw(st.permutations(kept + copy.deepcopy(typed_in)))
        for item in theirs[name]:
            item.update(draw(st.sampled_from([{}, {}, {"owner": "clientA", "remark": "mine"}, {"cashBalance": 77}])))
    theirs["clientA"].update(
        draw(st.sampled_from([{}, {"cellPhone": "mine"}, {"addressInfo": None}, {"hobby": "golf"}]))
    )
    if theirs["clientB"] is not None:
        changes: list[Document] = [{}, {"firstName": "Mine"}, {"employerAddress": address(city="Mine")}]
        theirs["clientB"].update(draw(st.sampled_from(changes)))
        theirs["clientB"] = draw(st.sampled_from([theirs["clientB"]] * 4 + [None]))
    theirs.update(draw(st.sampled_from([{}, {"notes": ["call back"]}, {"goals": {"retire": 65}}])))
    return theirs
