"""The table of users, as a spreadsheet saves it, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import SettingsError
from include.runtime.vendor_users import VendorUsers, read_vendor_users

HEADING = "vendor,crm_user,vendor_user\n"


def read(folder: Path, content: str | bytes) -> VendorUsers:
    path = folder / "users.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_vendor_users(path)


def test_it_gives_each_vendors_user_for_a_crm_user(tmp_path: Path) -> None:
    users = read(tmp_path, HEADING + "emoney,amy, u-1 \n\nemoney,bob,u-2\nprofiles,amy,7\n")
    assert users == {"emoney": {"amy": "u-1", "bob": "u-2"}, "profiles": {"amy": "7"}}


def test_a_spreadsheets_mark_line_ends_and_order_of_columns_do_not_matter(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfcrm_user,vendor_user,vendor\r\nzo\xc3\xab,u-1,emoney\r\n"
    assert read(tmp_path, content)["emoney"] == {"zoë": "u-1"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "row 1: the columns are vendor, crm_user, vendor_user"),
        ("vendor,user\nemoney,amy\n", "row 1: the columns are"),
        (HEADING + "emoney,amy,u-1\nEmoney,bob,u-2\n", "row 3: 'Emoney' is no vendor: profiles or emoney"),
        (HEADING + "emoney,amy\n", "row 2: it has 2 cells, not 3"),
        (HEADING + "emoney, ,u-1\n", "row 2: crm_user is blank"),
        (HEADING + "emoney,amy,u-1\nemoney,amy,u-2\n", "row 3: amy is there twice"),
        (HEADING + "emoney,amy,\nemoney,,\n", "row 2: vendor_user is blank; row 3: crm_user and vendor_user is blank"),
        (HEADING + 'emoney,"amy,u-1\n', "it is no CSV file in UTF-8"),
        (HEADING.encode() + b"emoney,zo\xeb,u-1\n", "it is no CSV file in UTF-8"),
    ],
    ids=str,
)
def test_a_mistake_is_reported_with_its_row(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, content)
    assert "PLANBRIDGE__VENDORS__USERS_FILE" in str(refused.value)
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.csv cannot be read: No such file"):
        read_vendor_users(tmp_path / "none.csv")
