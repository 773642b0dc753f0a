"""The household ``H1`` of `tests.end_to_end.crm` as each vendor must have it, written by hand from the rule book."""

from __future__ import annotations

from typing import Any

HOME = {"line1": "12 Lantern Walk", "line2": None, "city": "Portsmouth", "state": "NH", "postalCode": "00001",
        "country": "USA"}  # fmt: skip
OFFICE = {
    "line1": "7 Mill Lane",
    "line2": None,
    "city": "Dover",
    "state": "NH",
    "postalCode": "00002",
    "country": "USA",
}

PROFILES_CASE: dict[str, Any] = {
    "clientA": {
        "firstName": "Zephyrine", "lastName": "Castellan", "birthDate": "1970-05-01", "gender": "Female",
        "maritalStatus": "Married", "addressInfo": HOME, "homePhone": "603-555-0142", "cellPhone": "603-555-0143 x7",
        "fax": "603-555-0144", "email": "zephyrine@example.com", "employerName": "Lantern Works",
        "employerAddress": OFFICE, "workPhone": "603-555-0145", "workFax": None, "jobTitle": "Keeper",
        "income": {"annualSalary": 90000.5},
    },
    "clientB": {
        "firstName": "Ottokar", "lastName": "Castellan", "birthDate": "1968-02-29", "gender": "Male",
        "maritalStatus": "Married", "addressInfo": None, "homePhone": None, "cellPhone": "603-555-0146", "fax": None,
        "email": None, "employerName": None, "employerAddress": None, "workPhone": None, "workFax": None,
        "jobTitle": None, "income": {"annualSalary": 40000},
    },
    "dependents": [
        {"externalSourceId": "contact:3", "firstName": "Quillon", "lastName": "Castellan", "birthDate": "2012-12-24"},
    ],
    "assets": [
        {
            "externalSourceId": "account:11", "accountName": "Lantern Brokerage", "accountType": "Investment Account",
            "holdingsValue": 1000.1, "cashBalance": 100.05, "typeOfFund": "Held Away", "owner": "clientA",
            "holdings": [
                {"externalSourceId": "position:41", "ticker": "AAA", "holdingName": "Alpha Fund",
                 "holdingsValue": 600.05},
                {"externalSourceId": "position:42", "ticker": None, "holdingName": "Cash", "holdingsValue": 400.05},
            ],
        },
        {
            "externalSourceId": "account:12", "accountName": "Annuity", "accountType": "Variable Annuity",
            "holdingsValue": 2000, "cashBalance": None, "typeOfFund": "Qualified, Discretionary", "owner": "clientB",
            "holdings": [
                {"externalSourceId": "position:43", "ticker": "SUB", "holdingName": "Subaccount One",
                 "holdingsValue": 2000},
            ],
        },
        {
            "externalSourceId": "policy:32", "accountName": "Beacon Life Fixed Five", "accountType": "Fixed Annuity",
            "holdingsValue": 51000.05, "cashBalance": None, "typeOfFund": None, "owner": "clientA", "holdings": [],
        },
    ],
    "liabilities": [
        {"externalSourceId": "liability:21", "liabilityName": "LN-5581", "owner": "clientA", "paymentMethod": "Monthly",
         "currentBalance": 150000.25, "remainingYears": 22.5, "annualInterestRate": 6.125,
         "scheduledMonthlyPayment": 1200.5},
        {"externalSourceId": "liability:22", "liabilityName": "Harbor Bank", "owner": "clientB", "paymentMethod": None,
         "currentBalance": 12000, "remainingYears": 5, "annualInterestRate": 0, "scheduledMonthlyPayment": 200},
    ],
    "insurancePolicies": [
        {"externalSourceId": "policy:31", "kind": "life", "insurancePolicy": "Beacon Life Term 20",
         "insured": "clientB", "beneficiaries": ["clientA", "dependent:contact:3"], "annualPremium": 480.1,
         "owner": "clientA", "deathBenefit": 250000, "eliminationPeriod": None},
        {"externalSourceId": "policy:34", "kind": "disability", "insurancePolicy": "Beacon Life Income Guard",
         "insured": "clientA", "beneficiaries": [], "annualPremium": 120, "owner": "clientA", "deathBenefit": 3000,
         "eliminationPeriod": {"count": 90, "unit": "Days"}},
    ],
    "notes": None,
}  # fmt: skip

EMONEY_CLIENT: dict[str, Any] = {
    "externalId": "contact:1", "firstName": "Zephyrine", "lastName": "Castellan", "dateOfBirth": "1970-05-01",
    "maritalStatus": "Married", "address": HOME, "homePhone": "603-555-0142", "cellPhone": "603-555-0143 x7",
    "fax": "603-555-0144", "email": "zephyrine@example.com", "ownerId": None,
    "job": {"companyName": "Lantern Works", "address": OFFICE, "businessPhone": "603-555-0145", "businessFax": None,
            "title": "Keeper"},
}  # fmt: skip

EMONEY_SPOUSE: dict[str, Any] = {
    "externalId": "contact:2", "firstName": "Ottokar", "lastName": "Castellan", "dateOfBirth": "1968-02-29",
    "cellPhone": "603-555-0146",
    "job": {"companyName": None, "address": None, "businessPhone": None, "businessFax": None, "title": None},
}  # fmt: skip

# Policy numbers go masked; liabilities do not go; owners by the primary contact, of a policy by its recorded owner.
EMONEY_ITEMS: dict[str, dict[str, Any]] = {
    "account:11": {"assetName": "Lantern Brokerage", "holdingsValue": 1000.1, "cashBalance": 100.05,
                   "totalValue": 900.05, "typeOfFunds": "Held Away", "owner": "client"},
    "account:12": {"assetName": "Annuity", "holdingsValue": 2000, "cashBalance": None, "totalValue": 2000,
                   "typeOfFunds": "Qualified, Discretionary", "owner": "spouse"},
    "policy:31": {"policyName": "Beacon Life Term 20", "policyNumber": "***1234", "owner": "spouse",
                  "currentDeathBenefits": 260000.25},
    "policy:32": {"policyName": "Beacon Life Fixed Five", "policyNumber": "***", "owner": "client",
                  "currentDeathBenefits": None},
    "policy:34": {"policyName": "Beacon Life Income Guard", "policyNumber": "***5678", "owner": "client",
                  "currentDeathBenefits": None},
}  # fmt: skip
