"""The file of addresses: one recipient and one address in each row, and nothing that could begin another header."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import SettingsError
from include.runtime.notice_addresses import office_of, read_addresses
from include.runtime.schedule import notices_cron_and_timezone


def read(folder: Path, content: str) -> dict[str, tuple[str, ...]]:
    file = folder / "addresses.csv"
    file.write_text(content, encoding="utf-8")
    return dict(read_addresses(file))


def test_a_recipient_may_have_several_addresses(tmp_path: Path) -> None:
    rows = "recipient,address\nmain.morgan,a@example.com\n\noffice:3, b@example.com\nmain.morgan,c@example.com\n"
    assert read(tmp_path, rows) == {"main.morgan": ("a@example.com", "c@example.com"), "office:3": ("b@example.com",)}


@pytest.mark.parametrize(
    ("row", "number"),
    [("main.morgan", 2), ("main.morgan,a", 2), (",a@example.com", 2),
     ("x,a@example.com\ny,\"a@example.com, b@b.c\"", 3),
     ("x,\"a@example.com\nBcc: b@example.com\"", 2), ("x,Ann <a@example.com>", 2)],
)  # fmt: skip
def test_a_wrong_row_is_named(tmp_path: Path, row: str, number: int) -> None:
    with pytest.raises(SettingsError, match=f"addresses.csv, row {number}: it has to be one recipient"):
        read(tmp_path, f"recipient,address\n{row}\n")


def test_another_heading_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="row 1: the columns are recipient, address"):
        read(tmp_path, "user,mail\n")
    with pytest.raises(SettingsError, match=r"none\.csv cannot be read: No such file"):
        read_addresses(tmp_path / "none.csv")


def test_an_office_is_a_recipient_by_its_number() -> None:
    assert [office_of(name) for name in ("office:3", "office:", "main.morgan", "operators")] == [3, None, None, None]


def test_notices_have_a_schedule_only_where_somebody_has_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANBRIDGE__NOTICES__ADDRESSES_FILE", raising=False)
    assert notices_cron_and_timezone()[0] is None
    monkeypatch.setenv("PLANBRIDGE__NOTICES__ADDRESSES_FILE", "addresses.csv")
    assert notices_cron_and_timezone()[0] == "*/15 * * * *"
