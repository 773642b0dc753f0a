"""Records that have another key in the CRM keep, at the vendors, the key that they were sent first."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.builders import Office, person
from tests.transform.reading import batch_of, document
from tests.transform.rich import rich_office

ENTITIES = ("contact", "account", "position", "liability", "policy")
CONTACT_COLUMNS = ("related_contact_id", "client_contact_id", "primary_contact_id", "owner_contact_id")
ENTITY_OF = {
    **{f"{entity}_id": entity for entity in ENTITIES},
    **dict.fromkeys((*CONTACT_COLUMNS, "primary_insured_id"), "contact"),
}


class MovedOffice(Office):
    """The same office after a transfer: each record has another id."""

    def __init__(self, before: Office) -> None:
        self._before = before

    def frames(self) -> dict[str, pd.DataFrame]:
        moved = self._before.frames()
        return {
            name: frame.assign(**{column: frame[column] + 900 for column in frame.columns if column in ENTITY_OF})
            for name, frame in moved.items()
        }

    def aliases(self) -> dict[str, str]:
        return {f"{entity}:{number + 900}": f"{entity}:{number}" for entity in ENTITIES for number in range(1, 100)}


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_documents_are_byte_for_byte_what_they_were_before_the_transfer(vendor: str) -> None:
    office, _ = rich_office()
    moved = MovedOffice(office)
    before, after = batch_of(office, vendor), batch_of(moved, vendor, aliases=moved.aliases())
    texts = [name for name in before.documents.columns if not name.endswith("contact_id")]
    assert after.documents[texts].equals(before.documents[texts])
    assert after.items.equals(before.items)
    assert not batch_of(moved, vendor).documents[texts].equals(before.documents[texts])


def test_what_a_license_keeps_back_is_known_by_its_first_key() -> None:
    office = Office()
    user_id = office.user("advisor", rights=("eMoney",))
    client = office.single(assigned_user_id=user_id)
    account = office.account(client)
    withheld = batch_of(office, "emoney", aliases={f"account:{account}": "account:7"}).withheld
    assert withheld["source_key"].tolist() == ["account:7"]


def test_beneficiaries_are_in_the_order_of_the_keys_that_the_vendor_knows() -> None:
    office = Office()
    home = office.household(head=person(), son=person(), daughter=person())
    policy = office.policy(home.head)
    for child in home.members[1:]:
        office.beneficiary(policy, child)
    aliases = {f"contact:{home.members[1]}": "contact:9", f"contact:{home.members[2]}": "contact:10"}
    case = document(batch_of(office, "profiles", aliases=aliases), home.unit_key)["document"]
    assert case["insurancePolicies"][0]["beneficiaries"] == ["dependent:contact:10", "dependent:contact:9"]
    assert [one["externalSourceId"] for one in case["dependents"]] == ["contact:9", "contact:10"]


def test_a_text_that_looks_like_a_key_stays_as_it_is() -> None:
    office = Office()
    client = office.single(last_name="account:905")
    office.account(client, account_name='"externalSourceId":"account:905"')
    aliases = {"account:905": "account:5"}
    assert batch_of(office, "profiles", aliases=aliases).documents.equals(batch_of(office, "profiles").documents)
