"""One household at a time with pandas, as a careful analyst would script it.

Labels are normalised and every frame is grouped once, up front; each household then looks its rows up in the groups.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import pandas as pd

from etl.schema import NOT_FINITE

Json = dict[str, Any]
Groups = dict[Any, pd.DataFrame]
SPOUSE_ROLES = {"husband", "wife", "spouse", "domestic partner"}
IN_FORCE = {"inforce", "inforce, but not administered"}
CATEGORIES = Path(__file__).parents[3] / "etl" / "account_categories.csv"
LABELS = {
    "members": ["role"],
    "addresses": ["address_type"],
    "phones": ["phone_type"],
    "accounts": ["account_type", "how_held"],
    "policies": ["status", "insurance_type"],
}
GROUPED_BY = {
    "members": "household_id",
    "addresses": "contact_id",
    "phones": "contact_id",
    "emails": "contact_id",
    "accounts": "primary_contact_id",
    "positions": "account_id",
    "liabilities": "primary_contact_id",
    "policies": "primary_contact_id",
}
PICKED = {"addresses": "address_id", "phones": "phone_id", "emails": "email_id"}


def run(folder: Path, as_of: date) -> int:
    """Make every document of the shard in `folder`; gives how many."""
    return len(make_documents(folder, as_of))


def make_documents(folder: Path, as_of: date) -> dict[str, str]:
    """unit_key → JSON of every unit that has a head."""
    frames = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    for name, columns in LABELS.items():
        for column in columns:
            frames[name][column] = frames[name][column].str.strip().str.lower().fillna("")
    for name, key in PICKED.items():
        frames[name] = frames[name].sort_values(["is_preferred", key], ascending=[False, True])
    groups: dict[str, Groups] = {name: dict(iter(frames[name].groupby(column))) for name, column in GROUPED_BY.items()}
    contacts = {row["contact_id"]: row for row in frames["contacts"].to_dict("records")}
    categories = _read_categories()
    documents = {}
    for unit in frames["units"].to_dict("records"):
        client = contacts.get(unit["client_contact_id"])
        if client is None or client["record_type"] != "Contact" or client["is_deleted"]:
            continue
        spouse = _find_spouse(unit, client, groups["members"], contacts)
        documents[unit["unit_key"]] = json.dumps(
            _document(client, spouse, groups, categories, as_of), ensure_ascii=False
        )
    return documents


def _document(
    client: Json, spouse: Json | None, groups: dict[str, Groups], categories: dict[tuple[str, str], str], as_of: date
) -> Json:
    owners = [(client["contact_id"], "clientA")] + ([(spouse["contact_id"], "clientB")] if spouse else [])
    assets: list[Json] = []
    liabilities: list[Json] = []
    for contact_id, owner in owners:
        for account in _rows(groups["accounts"], contact_id):
            assets.append(_asset(account, owner, groups["positions"], categories))
        for policy in _rows(groups["policies"], contact_id):
            if policy["insurance_type"] == "annuity" and policy["status"] in IN_FORCE:
                assets.append(_annuity(policy, owner))
        for liability in _rows(groups["liabilities"], contact_id):
            liabilities.append(_liability(liability, owner, as_of))
    return {
        "clientA": _person(client, groups, is_client=True),
        "clientB": _person(spouse, groups, is_client=False) if spouse else None,
        "assets": sorted(assets, key=lambda asset: asset["externalSourceId"]),
        "liabilities": sorted(liabilities, key=lambda liability: liability["externalSourceId"]),
    }


def _find_spouse(unit: Json, client: Json, members: Groups, contacts: dict[int, Json]) -> Json | None:
    candidates = [
        contacts[member["contact_id"]]
        for member in _rows(members, unit["household_id"])
        if member["role"] in SPOUSE_ROLES and member["contact_id"] != client["contact_id"]
    ]
    living = [row for row in candidates if not row["is_deceased"] and not row["is_deleted"]]
    return living[0] if len(living) == 1 else None


def _person(contact: Json, groups: dict[str, Groups], *, is_client: bool) -> Json:
    addresses = _rows(groups["addresses"], contact["contact_id"])
    phones = _rows(groups["phones"], contact["contact_id"])
    salary = contact["annual_salary"] if not pd.isna(contact["annual_salary"]) else contact["total_income"]
    born = contact["birth_date"]
    return {
        "firstName": _text(contact["first_name"]),
        "lastName": _text(contact["last_name"]),
        "birthDate": None if pd.isna(born) else born.isoformat()[:10],
        "gender": _text(contact["gender"]),
        "maritalStatus": _text(contact["marital_status"]),
        "addressInfo": _address(addresses, "residence") if is_client else None,
        "homePhone": _phone(phones, "home") if is_client else None,
        "cellPhone": _phone(phones, "mobile"),
        "fax": _phone(phones, "fax") if is_client else None,
        "email": _email(_rows(groups["emails"], contact["contact_id"])) if is_client else None,
        "employerName": _text(contact["company"]),
        "employerAddress": _address(addresses, "business"),
        "workPhone": _phone(phones, "business"),
        "workFax": _phone(phones, "business fax"),
        "jobTitle": _text(contact["job_title"]),
        "income": {"annualSalary": _number(salary, 2)},
    }


def _address(addresses: list[Json], kind: str) -> Json | None:
    row = next((row for row in addresses if row["address_type"] == kind), None)
    if row is None:
        return None
    names = {"line1": "line1", "line2": "line2", "city": "city", "state": "state", "postalCode": "postal_code"}
    names["country"] = "country"
    address = {name: _text(row[column]) for name, column in names.items()}
    return address if any(address.values()) else None


def _phone(phones: list[Json], kind: str) -> str | None:
    row = next((row for row in phones if row["phone_type"] == kind), None)
    if row is None:
        return None
    number, extension = _text(row["number"]), _text(row["extension"])
    return f"{number} x{extension}" if number and extension else number


def _email(emails: list[Json]) -> str | None:
    address = _text(emails[0]["address"]) if emails else None
    if address is None or len(address.split()) != 1:
        return None
    parts = address.split("@")
    return address if len(parts) == 2 and all(parts) else None


def _asset(account: Json, owner: str, positions: Groups, categories: dict[tuple[str, str], str]) -> Json:
    options = (("is_qualified", "Qualified"), ("is_held_away", "Held Away"), ("is_discretionary", "Discretionary"))
    return {
        "externalSourceId": f"account:{account['account_id']}",
        "accountName": _text(account["account_name"]),
        "accountType": _category(account, categories),
        "holdingsValue": _number(account["account_value"], 2),
        "cashBalance": _number(account["loan_balance"], 2),
        "typeOfFund": ", ".join(label for column, label in options if account[column]) or "Non-Qualified",
        "owner": owner,
        "holdings": [
            {
                "externalSourceId": f"position:{position['position_id']}",
                "ticker": _text(position["symbol"]),
                "holdingName": _text(position["product_name"]),
                "holdingsValue": _number(position["market_value"], 2),
            }
            for position in _rows(positions, account["account_id"])
        ],
    }


def _category(account: Json, categories: dict[tuple[str, str], str]) -> str:
    account_type, how_held = account["account_type"], account["how_held"]
    if how_held == "variable annuity":
        return "Variable Annuity"
    fall_back = "Other Retirement Account" if account["is_qualified"] else "Investment Account"
    by_how_held = categories.get(("how held", how_held), fall_back)
    return categories.get(("account type", account_type), by_how_held)


def _annuity(policy: Json, owner: str) -> Json:
    carrier, plan = _text(policy["carrier_name"]), _text(policy["plan_name"])
    return {
        "externalSourceId": f"policy:{policy['policy_id']}",
        "accountName": f"{carrier} {plan}" if carrier and plan else None,
        "accountType": "Fixed Annuity",
        "holdingsValue": _number(policy["gross_cash_value"], 2),
        "cashBalance": None,
        "typeOfFund": None,
        "owner": owner,
        "holdings": [],
    }


def _liability(loan: Json, owner: str, as_of: date) -> Json:
    names = [_text(loan[column]) for column in ("lender", "loan_number", "account_name")]
    amount, rate = _exact(loan["orig_loan_amount"], 2), _exact(loan["orig_interest_rate"], 6)
    payment, years = _exact(loan["orig_monthly_payment"], 2), _exact(loan["orig_balloon_period"], 3)
    lent, is_period = loan["orig_loan_date"], years is not None and years <= 100
    months = int((years * 12).quantize(Decimal(1), ROUND_HALF_UP)) if is_period else None
    possible = amount if amount is not None and amount >= 0 else None
    if payment is None and pd.isna(loan["orig_monthly_payment"]):
        payment = _level_payment(possible, rate, months)
    sent = [amount, rate, payment, years]
    if loan["calculate"]:
        columns = (("loan_balance", 2), ("interest_rate", 6), ("monthly_payment", 2), ("balloon_period", 3))
        paid = (
            _months_paid(lent, as_of) if pd.Timestamp(1900, 1, 1) <= pd.Timestamp(lent) <= pd.Timestamp(as_of) else None
        )
        left = None if paid is None or months is None else Decimal(max(months - paid, 0)) / 12
        computed = [_balance(possible, rate, payment, paid), rate, payment, left]
        sent = [
            _exact(loan[column], scale) if not pd.isna(loan[column]) else new
            for (column, scale), new in zip(columns, computed, strict=True)
        ]
    return {
        "externalSourceId": f"liability:{loan['liability_id']}",
        "liabilityName": next((name for name in names if name), None),
        "owner": owner,
        "paymentMethod": _text(loan["payment_method"]),
        "currentBalance": _rounded(sent[0], "0.01"),
        "remainingYears": _rounded(sent[3], "0.001"),
        "annualInterestRate": _rounded(sent[1], "0.000001"),
        "scheduledMonthlyPayment": _rounded(sent[2], "0.01"),
    }


def _level_payment(amount: Decimal | None, rate: Decimal | None, months: int | None) -> Decimal | None:
    if amount is None or rate is None or months is None or months <= 0:
        return None
    with localcontext(prec=50):
        interest = rate / 1200
        return amount * interest / (1 - (1 + interest) ** -months) if interest else amount / months


def _balance(amount: Decimal | None, rate: Decimal | None, payment: Decimal | None, paid: int | None) -> Decimal | None:
    if amount is None or rate is None or payment is None or paid is None:
        return None
    with localcontext(prec=50):
        interest = rate / 1200
        growth = (1 + interest) ** paid
        left = amount * growth - payment * (growth - 1) / interest if interest else amount - paid * payment
    return max(left, Decimal(0)) if left < Decimal(10) ** 16 else None


def _months_paid(start: Any, as_of: date) -> int:
    # pandas rolls a later day back to the month's last day, as payment dates do.
    first = pd.Timestamp(start)
    months = (as_of.year - first.year) * 12 + as_of.month - first.month
    return max(months - ((first + pd.DateOffset(months=months)).date() > as_of), 0)


def _rows(groups: Groups, key: int) -> list[Json]:
    if key not in groups:
        return []
    rows = groups[key]
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.itertuples(index=False, name=None)]


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else (value.strip() or None)


def _exact(value: Any, scale: int) -> Decimal | None:
    return None if pd.isna(value) or value < NOT_FINITE / 2 else Decimal(int(value)).scaleb(-scale)


def _number(value: Any, scale: int) -> float | None:
    exact = _exact(value, scale)
    return None if exact is None else float(exact)


def _rounded(value: Decimal | None, step: str) -> float | None:
    if value is None:
        return None
    with localcontext(prec=50):
        return float(value.quantize(Decimal("1e-20")).quantize(Decimal(step), ROUND_HALF_UP))


def _read_categories() -> dict[tuple[str, str], str]:
    rows = pd.read_csv(CATEGORIES, keep_default_na=False)
    return {(row["list"].lower(), row["value"].lower()): row["profiles_category"] for row in rows.to_dict("records")}
