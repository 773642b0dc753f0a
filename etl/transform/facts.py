"""The facts of a shard: what the gate checks, one frame an entity, only what goes and what is left out by a rule."""

import numpy as np
import pandas as pd

from etl.transform.accounts import account_facts, position_facts
from etl.transform.arrays import NULL, Column, Frames, Objects, integers, is_one_of, strings, where
from etl.transform.contacts import Reach
from etl.transform.households import Households, spouse_unit_keys
from etl.transform.liabilities import liability_facts
from etl.transform.mapping.values import MARRIED_STATUSES, Vendor
from etl.transform.members import CLIENT, DEPENDENT, SPOUSE
from etl.transform.policies import policy_facts
from etl.transform.portfolio import Portfolio
from etl.transform.receipts.book import BENEFICIARY

# Rules of severity info or warning by which a whole record is left out; they are reported.
REPORTED = frozenset({"ACC-SCOPE-PROFILES", "LIA-SCOPE", "POL-STATUS", "POL-TYPE", "POL-INSURED-OTHER"})


def facts_of(
    households: Households, reached: Reach, portfolio: Portfolio, frames: Frames, vendor: Vendor
) -> dict[str, pd.DataFrame]:
    """All facts of one vendor by name."""
    accounts, positions = portfolio.sent_accounts, portfolio.sent_positions
    facts = {
        "households": household_facts(households, frames["client_of"], vendor),
        "people": people_facts(households, reached.email(households.client_at)),
        "accounts": account_facts(households, accounts, positions, portfolio.twins),
        "positions": position_facts(households, positions),
        "policies": policy_facts(households, portfolio.sent_policies),
        "left_out": left_out(households, portfolio, vendor),
    }
    if vendor == "profiles":
        facts["liabilities"] = liability_facts(households, portfolio.sent_liabilities, portfolio.figures)
    return facts


def left_out(households: Households, portfolio: Portfolio, vendor: Vendor) -> pd.DataFrame:
    """ACC-SCOPE-PROFILES, LIA-SCOPE, POL-STATUS, POL-TYPE, POL-INSURED-OTHER, POL-BENEFICIARY, DEM-DEPENDENT.

    unit_key, entity, entity_id, rule_id, field: whole records (``*``), and beneficiaries by their contact.
    """
    parts = [_reported(portfolio.accounts, "account"), _reported(portfolio.policies, "policy")]
    if vendor == "profiles":
        dependents = households.people[(households.people["rule_id"] == "DEM-DEPENDENT").to_numpy()]
        others = portfolio.beneficiaries[portfolio.beneficiaries["name"].isna()]
        named = [f"{BENEFICIARY}{number}" for number in others["contact_id"].tolist()]
        parts += [
            _reported(portfolio.liabilities, "liability"),
            _rows("contact", dependents["unit_no"], dependents["contact_id"], dependents["rule_id"]),
            _rows("policy", others["unit_no"], others["policy_id"], "POL-BENEFICIARY").assign(field=named),
        ]
    rows = pd.concat(parts, ignore_index=True)
    keys = households.keys_of(integers(rows["unit_no"]))
    labels = {"entity": "str", "rule_id": "str", "field": "str"}
    return rows.drop(columns="unit_no").assign(unit_key=keys).astype(labels)


def _reported(records: pd.DataFrame, entity: str) -> pd.DataFrame:
    rows = records.loc[records["rule_id"].isin(REPORTED).to_numpy(), ["unit_no", f"{entity}_id", "rule_id"]]
    return _rows(entity, rows["unit_no"], rows[f"{entity}_id"], rows["rule_id"])


def _rows(entity: str, unit_no: Column, entity_id: Column, rule_id: object) -> pd.DataFrame:
    reasons = np.broadcast_to(np.asarray(rule_id, dtype=object), len(unit_no))
    rows = pd.DataFrame({"unit_no": integers(unit_no), "entity_id": integers(entity_id)})
    return rows.assign(entity=entity, rule_id=strings(reasons), field="*")


def household_facts(households: Households, client_of: pd.DataFrame, vendor: Vendor) -> pd.DataFrame:
    """What the gate asks of each unit (HH-*), one row a unit."""
    book, clients = households.book, households.client_at
    chosen = households.by_role if vendor == "profiles" else households.by_relation
    household_id = integers(households.units["household_id"])
    is_household = household_id != NULL
    marital_status = book.texts("marital_status")[clients]
    agree = households.by_role.spouse_id == households.by_relation.spouse_id
    return pd.DataFrame(
        {
            "unit_key": households.units["unit_key"],
            "entity": np.where(is_household, "household", "contact"),
            "entity_id": np.where(is_household, household_id, households.client_id),
            "head_is_person": households.is_usable,
            "is_primary_household": households.is_primary,
            "client_deceased": book.is_deceased[clients],
            "counts_as_married": is_one_of(strings(marital_status), MARRIED_STATUSES),
            "marital_status": strings(marital_status),
            "spouse_candidates": chosen.living,
            "spouse_candidates_gone": chosen.gone,
            "spouse_is_client": chosen.is_client,
            "has_spouse": chosen.spouse_id != NULL,
            "spouse_sources_agree": agree,
            "spouse_unit_key": spouse_unit_keys(households, client_of),
        }
    ).astype({"entity": "str"})


def people_facts(households: Households, emails: Objects) -> pd.DataFrame:
    """DEM-*: names, birth dates, gender and e-mail of those who go; ``emails`` by unit, the picked addresses."""
    people = households.of_role(CLIENT, SPOUSE, DEPENDENT)
    book, unit_no, at = households.book, people["unit_no"].to_numpy(), people["contact_at"].to_numpy()
    roles = people["role"].to_numpy()
    return pd.DataFrame(
        {
            "unit_key": households.keys_of(unit_no),
            "entity_id": people["contact_id"].to_numpy(),
            "person_role": strings(np.array(["client", "spouse", "dependent"], dtype=object)[roles]),
            "first_name": strings(book.first_names[at]),
            "last_name": strings(book.last_names[at]),
            "birth_date": book.contacts["birth_date"].take(at).to_numpy(),
            "gender": strings(book.texts("gender")[at]),
            "email": strings(where(roles == CLIENT, emails[unit_no])),
        }
    )
