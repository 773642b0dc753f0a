"""The documents of one rich household, value for value; ``UPDATE_GOLDEN=1`` writes them anew."""

import json
import os
from pathlib import Path

import pytest

from tests.transform.reading import batch_of
from tests.transform.rich import rich_office

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_document_of_the_rich_household_is_the_golden_one(vendor):
    office, home = rich_office()
    documents = batch_of(office, vendor).documents.set_index("unit_key")["document"]
    written = json.dumps(json.loads(documents[home.unit_key]), indent=2, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{vendor}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8")
