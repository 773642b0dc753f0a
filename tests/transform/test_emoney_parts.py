"""An eMoney document goes in two ways: people by call, values by feed. Each has a hash that ledgers keep."""

import hashlib
import json

import pytest

from tests.builders import AS_OF, Office
from tests.transform.reading import batch_of
from tests.transform.rich import rich_office

ODD_TEXTS = ['{"a":1}', '},{"sourceKey":"account:1"', '"items":[]', ',"spouse":null}', "\\{", 'say "hi"', "aé\n{"]


def odd_office() -> Office:
    office = Office()
    client = office.single(last_name=',"items":[],"spouse":')
    for text in ODD_TEXTS:
        office.account(client, account_name=text)
    return office


@pytest.mark.parametrize("office", [rich_office()[0], odd_office()], ids=["rich", "odd"])
def test_the_hashes_are_of_the_document_without_its_items_and_of_the_items(office: Office) -> None:
    for row in batch_of(office, "emoney").documents.itertuples(index=False):
        items = json.dumps(json.loads(row.document)["items"], separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        before, found, after = row.document.partition(b'"items":' + items.encode())
        assert found
        assert row.items_hash == hashlib.sha256(items.encode()).hexdigest()
        assert row.people_hash == hashlib.sha256(before + b'"items":' + after).hexdigest()


@pytest.mark.parametrize("office", [rich_office()[0], odd_office()], ids=["rich", "odd"])
def test_every_item_of_the_feed_begins_with_its_date(office: Office) -> None:
    for row in batch_of(office, "emoney").documents.itertuples(index=False):
        dated = json.loads(row.items)
        assert dated == [{"asOf": str(AS_OF), **item} for item in json.loads(row.document)["items"]]
        assert all(next(iter(item)) == "asOf" for item in dated)
