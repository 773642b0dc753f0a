"""What an advisor does at Profiles: changes a case in the browser and closes it."""

from typing import Any

from tests.run_book import Vendors


def edit_case(vendors: Vendors, key: str = "household:1", **values: Any) -> None:
    """Puts these values into the only case of a household, beside all others."""
    put_document(vendors, key, {**vendors.case_of(key)["document"], **values})


def edit_person(vendors: Vendors, person: str = "clientA", key: str = "household:1", **values: Any) -> None:
    """Puts these values into one person of the case."""
    document = vendors.case_of(key)["document"]
    put_document(vendors, key, {**document, person: {**document[person], **values}})


def put_document(vendors: Vendors, key: str, document: dict[str, Any]) -> None:
    put_into(vendors, vendors.case_of(key), document)


def put_into(vendors: Vendors, case: dict[str, Any], document: dict[str, Any]) -> None:
    """Puts a whole document into a case, one of several or not."""
    log_in = {"username": "planbridge", "password": "sandbox"}
    token = vendors.profiles("POST", "/api/auth/login", json=log_in).json()["token"]
    headers = {"If-Match": f'"{case["version"]}"', "Authorization": f"Bearer {token}"}
    answer = vendors.profiles("PUT", f"/api/cases/{case['caseId']}", json={"document": document}, headers=headers)
    assert answer.status_code == 200, answer.text
