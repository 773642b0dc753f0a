"""The business rules, one home each: households, members, spouses, contacts, accounts, liabilities, policies, licenses."""
