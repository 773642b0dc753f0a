"""Records from another office keep, at the vendors, the key that they had first."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pandas as pd

from etl.load.key_aliases import in_documents, in_items

NAMES = {
    "contact:907": "contact:7", "contact:909": "contact:9", "contact:910": "contact:10", "account:905": "account:5",
    "position:901": "position:1", "policy:903": "policy:3", "liability:904": "liability:4",
}  # fmt: skip

NOBODY = pd.DataFrame({"household_id": [], "contact_id": []}, dtype="int64")


def documents(*found: dict[str, Any], client: int = 907, spouse: int | None = None) -> pd.DataFrame:
    texts = [orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in found]
    return pd.DataFrame(
        {
            "unit_key": [f"C{client}"] * len(texts),
            "document": pd.Series(texts, dtype=object),
            "payload_hash": [hashlib.sha256(text).hexdigest() for text in texts],
            "client_contact_id": pd.array([client] * len(texts), dtype="Int64"),
            "spouse_contact_id": pd.array([spouse] * len(texts), dtype="Int64"),
        }
    )


def case(prefix: str) -> dict[str, Any]:
    """A document with every kind of key: ``prefix`` is put before each number."""
    return {
        "dependents": [{"externalSourceId": f"contact:{prefix}9", "firstName": "Al"}],
        "assets": [
            {"externalSourceId": f"account:{prefix}5", "holdings": [{"externalSourceId": f"position:{prefix}1"}]}
        ],
        "liabilities": [{"externalSourceId": f"liability:{prefix}4"}],
        "insurancePolicies": [
            {"externalSourceId": f"policy:{prefix}3", "beneficiaries": ["clientA", f"dependent:contact:{prefix}9"]}
        ],
    }


def test_a_document_is_byte_for_byte_what_it_was_before_the_transfer() -> None:
    before, after = documents(case("")), in_documents(documents(case("90")), NAMES, NOBODY)
    assert after["document"].tolist() == before["document"].tolist()
    assert after["payload_hash"].tolist() == before["payload_hash"].tolist()


def test_people_and_items_of_emoney_keep_their_keys() -> None:
    couple = {
        "client": {"externalId": "contact:907"}, "items": [{"sourceKey": "account:905", "totalValue": 1.1}],
        "spouse": {"externalId": "contact:909"},
    }  # fmt: skip
    (text,) = in_documents(documents(couple, spouse=909), NAMES, NOBODY)["document"]
    assert orjson.loads(text) == {
        "client": {"externalId": "contact:7"}, "items": [{"sourceKey": "account:5", "totalValue": 1.1}],
        "spouse": {"externalId": "contact:9"},
    }  # fmt: skip
    items = pd.DataFrame({"unit_key": "C907", "source_key": ["account:905", "policy:2"], "category": None})
    assert in_items(items, NAMES)["source_key"].tolist() == ["account:5", "policy:2"]


def test_a_list_of_beneficiaries_is_in_order_again() -> None:
    policy = {
        "beneficiaries": ["clientA", "dependent:contact:909", "dependent:contact:910"],
        "externalSourceId": "policy:1",
    }
    (text,) = in_documents(documents({"insurancePolicies": [policy]}), NAMES, NOBODY)["document"]
    (renamed,) = orjson.loads(text)["insurancePolicies"]
    assert renamed["beneficiaries"] == ["clientA", "dependent:contact:10", "dependent:contact:9"]


def test_what_an_advisor_wrote_is_never_taken_for_a_key() -> None:
    words = 'He said "externalSourceId":"account:905" and "beneficiaries":["dependent:contact:909"]'
    told = {"clientA": {"firstName": words, "lastName": "account:905"}, "assets": [{"accountName": "account:905"}]}
    before = documents(told)
    assert in_documents(before, NAMES, NOBODY)["document"].tolist() == before["document"].tolist()


def test_units_without_a_moved_client_are_not_touched() -> None:
    before = documents(case("90"), client=12)
    assert in_documents(before, NAMES, NOBODY) is before
    of_spouse = in_documents(documents(case("90"), client=12, spouse=907), NAMES, NOBODY)
    assert of_spouse["document"][0] != before["document"][0]


def test_a_dependent_keeps_the_key_that_is_known_in_a_household_of_which_nobody_else_has_another() -> None:
    before = documents({"dependents": [{"externalSourceId": "contact:909"}]}, client=12).assign(unit_key="H1")
    members = pd.DataFrame({"household_id": [1, 1], "contact_id": [12, 909]})
    (text,) = in_documents(before, NAMES, members)["document"]
    assert orjson.loads(text) == {"dependents": [{"externalSourceId": "contact:9"}]}
    assert in_documents(before, NAMES, members.assign(household_id=2)) is before
