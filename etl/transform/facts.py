"""The facts of a shard: what the gate checks, one frame an entity, only what goes and what is left out by a rule."""

import numpy as np
import pandas as pd

from etl.frames import are_among
from etl.transform.arrays import (
    NULL,
    Frames,
    Ints,
    Objects,
    Series,
    flags,
    integers,
    nullable,
    nulls,
    strings,
    taken,
    where,
)
from etl.transform.portfolio import Portfolio
from etl.transform.receipts.book import ReceiptBook
from etl.transform.rules.accounts import account_facts, position_counts, position_facts
from etl.transform.rules.contacts import ContactBook, Reach
from etl.transform.rules.households import Households, spouse_unit_keys
from etl.transform.rules.liabilities import liability_facts, possible_terms
from etl.transform.rules.members import CLIENT, DEPENDENT, SPOUSE
from etl.transform.rules.policies import policy_facts
from etl.transform.rules.spouses import differences
from etl.values import (
    MARRIED_STATUSES,
    SPOUSE_ROLE_OF_ANY_GENDER,
    SPOUSE_ROLE_OF_GENDER,
    Vendor,
    by_label,
    is_one_of,
)

# Records left out by a rule of severity info or warning; they are reported. Entity and rule.
REPORTED = frozenset(
    {
        ("account", "ACC-SCOPE-PROFILES"),
        ("contact", "DEM-DEPENDENT"),
        ("liability", "LIA-SCOPE"),
        ("policy", "POL-BENEFICIARY"),
        ("policy", "POL-INSURED-OTHER"),
        ("policy", "POL-STATUS"),
        ("policy", "POL-TYPE"),
    }
)


def facts_of(
    households: Households,
    reached: Reach,
    portfolio: Portfolio,
    receipts: ReceiptBook,
    frames: Frames,
    vendor: Vendor,
    unknown_owners: Objects | None = None,
) -> dict[str, pd.DataFrame]:
    """All facts of one vendor by name; what is left out is among the receipts.

    ``unknown_owners``: by unit, the CRM user who is nobody at the vendor (EMY-OWNER).
    """
    accounts = portfolio.sent_accounts
    counts = position_counts(accounts, frames["positions"])
    facts = {
        "households": household_facts(households, frames["client_of"], vendor, unknown_owners),
        "people": people_facts(households, reached),
        "accounts": account_facts(households, accounts, *portfolio.categories, counts, portfolio.twins),
        "policies": policy_facts(households, portfolio.sent_policies),
        "left_out": receipts.frame(REPORTED),
        "faults": frames["faults"][are_among(frames["faults"]["unit_key"], households.units["unit_key"])],
    }
    if vendor == "profiles":  # eMoney takes neither holdings nor liabilities
        facts["positions"] = position_facts(households, portfolio.sent_positions)
        liabilities = portfolio.sent_liabilities
        terms = possible_terms(liabilities, frames["faults"], portfolio.as_of)
        facts["liabilities"] = liability_facts(households, liabilities, portfolio.figures, terms)
    return facts


def household_facts(
    households: Households, client_of: pd.DataFrame, vendor: Vendor, unknown_owners: Objects | None = None
) -> pd.DataFrame:
    """What the gate asks of each unit (HH-*), one row a unit."""
    book, clients = households.book, households.client_at
    chosen = households.by_role if vendor == "profiles" else households.by_relation
    household_id = integers(households.units["household_id"])
    is_household = household_id != NULL
    marital_status = strings(taken(book.texts("marital_status"), clients))
    named = {"role": households.by_role.spouse_id, "relation": households.by_relation.spouse_id}
    return pd.DataFrame(
        {
            "unit_key": households.units["unit_key"],
            "entity": np.where(is_household, "household", "contact"),
            "entity_id": np.where(is_household, household_id, households.client_id),
            "head_is_person": households.is_usable,
            "is_primary_household": households.is_primary,
            "client_deceased": book.is_deceased[clients],
            "counts_as_married": is_one_of(marital_status, MARRIED_STATUSES),
            "marital_status": marital_status,
            "spouse_candidates": chosen.living,
            "spouse_candidates_gone": chosen.gone,
            "spouse_is_client": chosen.is_client,
            "has_spouse": chosen.spouse_id != NULL,
            "spouse_difference": strings(differences(households.by_role, households.by_relation, clients, book)),
            "spouse_by_role": nullable(named["role"]),
            "spouse_by_relation": nullable(named["relation"]),
            "spouse_word": _spouse_words(book, np.where(named["role"] != NULL, named["role"], named["relation"])),
            "spouse_unit_key": spouse_unit_keys(households, client_of),
            "unknown_owner": strings(np.full(len(household_id), None) if unknown_owners is None else unknown_owners),
        }
    ).astype({"entity": "str"})


def _spouse_words(book: ContactBook, spouse_id: Ints) -> Series:
    """HH-ROLE-RELATION: the role or relation that a spouse should have, by gender."""
    genders = strings(taken(book.texts("gender"), book.at(spouse_id)))
    return strings(by_label(genders, SPOUSE_ROLE_OF_GENDER, SPOUSE_ROLE_OF_ANY_GENDER))


def people_facts(households: Households, reached: Reach) -> pd.DataFrame:
    """DEM-*: names, birth dates, gender and e-mail of those who go, and what there is of what the guides ask for."""
    people = households.of_role(CLIENT, SPOUSE, DEPENDENT)
    book, unit_no, at = households.book, people["unit_no"].to_numpy(), people["contact_at"].to_numpy()
    roles = people["role"].to_numpy()
    born = book.contacts["birth_date"].to_numpy()
    is_own_child = flags(people["is_own_child"]) & (roles == DEPENDENT)
    emails = reached.email(households.client_at)
    return pd.DataFrame(
        {
            "unit_key": households.keys_of(unit_no),
            "entity_id": people["contact_id"].to_numpy(),
            "person_role": strings(np.array(["client", "spouse", "dependent"], dtype=object)[roles]),
            "first_name": strings(taken(book.texts("first_name"), at)),
            "last_name": strings(taken(book.texts("last_name"), at)),
            "birth_date": born[at],
            "is_older_than_client": is_own_child & (born[at] < born[households.client_at[unit_no]]),
            "gender": strings(taken(book.texts("gender"), at)),
            "email": strings(where(roles == CLIENT, taken(emails, unit_no))),
            "has_address": reached.has_address(at),
            "has_phone": reached.has_phone(at),
            "has_employer": ~nulls(taken(book.texts("company"), at)),
            "has_income": book.incomes[at] != NULL,
            "income": nullable(book.incomes[at]),
        }
    )
