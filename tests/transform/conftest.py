"""What most tests of a vendor's documents begin with: an office with one client, who is in no household."""

import pytest

from tests.builders import Office


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def client(office: Office) -> int:
    return office.single()
