"""The business rules, one home each: households, spouses, contacts, accounts, liabilities, policies, licenses."""
