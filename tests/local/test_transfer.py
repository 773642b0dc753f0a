"""Which set of the demo office moves next."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.local.installation import Refused
from include.local.transfer import Wish, find_wish
from tests.pipelines.transfer.books import TwoOffices
from tests.pipelines.transfer.moving import Database

USERS = {1: "main.morgan", 2: "lakeside.morgan", 3: "harbor.morgan"}


def crm_of(folder: Path, moving: dict[int, int]) -> Path:
    """A CRM in which a set of each of these offices waits: office -> how many contacts."""
    book = TwoOffices()
    for office_id, name in USERS.items():
        book.add("crm_user", office_id=office_id, user_name=name, status="Enabled")
    for office_id, count in moving.items():
        set_id = book.add("contact_set", office_id=office_id, name="Moving to another office")
        for _ in range(count):
            book.add("contact_set_member", set_id=set_id, contact_id=book.contact(office_id=office_id))
    book.write(f"sqlite:///{folder / 'crm.db'}")
    return folder / "crm.db"


def test_the_first_set_goes_to_the_next_office(tmp_path: Path) -> None:
    crm = crm_of(tmp_path, {1: 2, 2: 1})
    assert find_wish(crm) == Wish(1, 2, 1, 2, "main.morgan", "lakeside.morgan")


def test_what_has_moved_is_left_and_the_last_office_gives_to_the_first(tmp_path: Path) -> None:
    crm = crm_of(tmp_path, {1: 2, 3: 1})
    Database(f"sqlite:///{crm}").run("UPDATE contact SET deleted_at = modified_at WHERE office_id = 1")
    assert find_wish(crm) == Wish(2, 1, 3, 1, "harbor.morgan", "main.morgan")


def test_when_all_sets_have_moved_the_message_says_how_to_start_over(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="FRESH=1"):
        find_wish(crm_of(tmp_path, {}))
