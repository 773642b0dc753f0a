"""XFR-MANIFEST: every row once, with its decision, its rule, its contact, its group and its hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from etl import canonical, schema
from etl.errors import BooksUnbalanced
from etl.transform.transfers.decisions import Decisions
from etl.transform.transfers.records import PARTY_FIELDS
from etl.transform.transfers.relations import find_movers

_COLUMNS = ["entity", "entity_id", "contact_id", "group", "decision", "rule_id", "reason", "row_hash", "target_id"]
_FIELDS = ["entity", "entity_id", "contact_id", "field", "rule_id", "reason"]
_TABLES = [table.name for table in schema.metadata.sorted_tables]


def write(
    decided: Mapping[str, Decisions], groups: pd.DataFrame, owned: pd.DataFrame, ties: pd.DataFrame
) -> pd.DataFrame:
    """`TransferPlan.manifest`: tables in an order that foreign keys allow, the rows of each by key."""
    contact_ids = _hanging(decided, ties)
    parts = [
        pd.DataFrame(
            {
                "entity": entity,
                "entity_id": decided[entity].ids,
                "contact_id": contact_ids[entity],
                "decision": _words(decided[entity]),
                "rule_id": decided[entity].rules,
                "reason": decided[entity].reasons,
                "row_hash": canonical.row_hashes(entity, decided[entity].rows),
            }
        )
        for entity in _TABLES
        if entity in decided and (len(decided[entity].rows) or entity == "contact")
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows["group"] = rows["contact_id"].map(groups.set_index("contact_id")["group"]).astype("Int64")
    rows.loc[rows["entity"].isin(["carrier", "product"]) & (rows["decision"] == "recreate"), "group"] = 0
    rows = rows.merge(owned, on=["entity", "entity_id"], how="left")
    text = ["entity", "entity_id", "decision", "rule_id", "reason", "row_hash", "target_id"]
    return rows.astype(dict.fromkeys(text, "str"))[_COLUMNS]


def check_books(manifest: pd.DataFrame, read: int) -> None:
    """Checks that the manifest has each of the ``read`` rows once, and a group for each row that moves.

    Raises `BooksUnbalanced`.
    """
    twice = manifest.duplicated(["entity", "entity_id"])
    lost = (manifest["decision"] != "stay") & manifest["group"].isna()
    if len(manifest) != read or twice.any() or lost.any():
        named = [f"{row.entity} {row.entity_id}" for row in manifest[twice | lost].head(5).itertuples()]
        raise BooksUnbalanced(
            f"The manifest has {len(manifest)} rows where {read} were read; in doubt: {', '.join(named) or 'none'}. "
            "Nothing was moved."
        )


def write_fields(left_out: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """`TransferPlan.fields`, in the order of the manifest."""
    fields = pd.concat(left_out, ignore_index=True).astype({name: "str" for name in _FIELDS if name != "contact_id"})
    return fields[_FIELDS]


def list_ties(decided: Mapping[str, Decisions]) -> pd.DataFrame:
    """contact_id, other_id: contacts that move together, because a moving row names both."""
    pairs = [_pairs(decided["key_relation"], "contact_id", "related_contact_id")]
    for entity, fields in PARTY_FIELDS.items():
        pairs += [_pairs(decided[entity], "primary_contact_id", name) for name in fields]
    primary = _primary_contacts(decided)
    for entity, key, parent in schema.BELONGS_TO:
        each = decided[entity]
        owners = each.rows[key].map(primary[parent])
        other = "contact_id" if entity == "policy_beneficiary" else "primary_contact_id"
        if entity in ("policy_beneficiary", "liability"):
            pairs.append(_both(owners, each.rows[other])[each.moves])
    members, households = decided["household_member"], decided["household"].rows
    heads = members.rows["household_id"].map(households.set_index("household_id")["head_contact_id"])
    pairs.append(_both(heads, members.rows["contact_id"])[members.moves])
    return pd.concat(pairs, ignore_index=True).dropna()


def _pairs(decisions: Decisions, one: str, other: str) -> pd.DataFrame:
    return _both(decisions.rows[one], decisions.rows[other])[decisions.moves]


def _both(one: pd.Series, other: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"contact_id": one.astype("Int64"), "other_id": other.astype("Int64")})


def _words(decisions: Decisions) -> pd.Series:
    word = "recreate" if decisions.recreates else "move"
    return pd.Series(np.where(decisions.moves, word, "stay"), index=decisions.rows.index)


def _primary_contacts(decided: Mapping[str, Decisions]) -> dict[str, pd.Series]:
    """The primary contact of each policy, case and account, by its key."""
    found = {}
    for parent in ("policy", "pending_case", "investment_account"):
        rows = decided[parent].rows
        key = next(iter(schema.metadata.tables[parent].primary_key.columns)).name
        found[parent] = rows.set_index(key)["primary_contact_id"]
    return found


def _hanging(decided: Mapping[str, Decisions], ties: pd.DataFrame) -> dict[str, pd.Series]:
    """By table the contact of the set that each row belongs to: its primary contact, else its parent's, else any named.

    A moving row belongs to a moving contact, and so to the group of the contact.
    """
    people = decided["contact"].rows["contact_id"]
    found = {entity: pd.Series(pd.NA, index=each.rows.index, dtype="Int64") for entity, each in decided.items()}
    primary = {parent: owner.where(owner.isin(people)) for parent, owner in _primary_contacts(decided).items()}
    filled = {entity: each.rows for entity, each in decided.items() if len(each.rows)}
    for entity, rows in filled.items():
        if "primary_contact_id" in rows:
            found[entity] = rows["primary_contact_id"].where(rows["primary_contact_id"].isin(people))
    for entity, key, parent in schema.BELONGS_TO:
        if entity in filled:
            found[entity] = found[entity].fillna(filled[entity][key].map(primary[parent]).astype("Int64"))
    for entity, columns in {**schema.HANGS_BY, "household": ("head_contact_id",)}.items():
        for column in columns if entity in filled else ():
            named = filled[entity][column]
            found[entity] = found[entity].fillna(named.where(named.isin(people)))
    found["key_relation"] = find_movers(decided["key_relation"].rows, ties, decided["contact"].moving_keys(), people)
    members = decided["household_member"].rows.sort_values("contact_id").drop_duplicates("household_id")
    first = members.set_index("household_id")["contact_id"]
    found["household"] = found["household"].fillna(decided["household"].rows["household_id"].map(first))
    found["custom_field_value"] = _of_custom_fields(decided, people, primary)
    return found


def _of_custom_fields(
    decided: Mapping[str, Decisions], people: pd.Series, primary: Mapping[str, pd.Series]
) -> pd.Series:
    rows = decided["custom_field_value"].rows
    positions = decided["investment_position"].rows.set_index("position_id")["account_id"]
    owners = {
        "contact": pd.Series(people.array, index=people.array),
        "policy": primary["policy"],
        "investment_account": primary["investment_account"],
        "investment_position": positions.map(primary["investment_account"]),
    }
    found = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for name, parent in schema.CUSTOM_FIELDS_OF.items():
        found = found.fillna(rows["entity_id"].where(rows["entity"] == name).map(owners[parent]).astype("Int64"))
    return found
