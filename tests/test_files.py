"""Whole files and folders of tables at rest."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from etl.errors import StagingError
from etl.files import MANIFEST, has_tables, read_manifest, read_table, write_tables, write_whole


def test_tables_are_there_as_a_whole_with_their_hashes_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    assert not has_tables(folder)
    write_tables(folder, {"units": pa.table({"unit_key": ["H1", "C7"]})})
    manifest = read_manifest(folder)
    assert read_table(folder, "units", manifest).to_pydict() == {"unit_key": ["H1", "C7"]}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_table_that_was_changed_is_refused_by_its_hash(tmp_path: Path) -> None:
    write_tables(tmp_path / "stage", {"units": pa.table({"unit_key": ["H1"]})})
    file = next((tmp_path / "stage").glob("*.arrow"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(StagingError, match="it has been changed"):
        read_table(tmp_path / "stage", "units", read_manifest(tmp_path / "stage"))


def test_what_an_older_version_staged_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"units": {"rows": 1, "sha256": "0"}}))
    with pytest.raises(StagingError, match=r"staged by an older version of Planbridge\. Start a new run\."):
        read_manifest(tmp_path)


def test_a_file_replaces_the_old_one_completely_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_whole(file, b"old and long")
    write_whole(file, b"new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
