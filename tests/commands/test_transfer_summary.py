"""The summary of a transfer in the terminal: counts, whether they came true, and where the manifest lies."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from etl.errors import ParamsError
from include.commands.transfer_summary import print_summary, read_summary


def printed(folder: Path, **changes: Any) -> tuple[bool, list[str]]:
    """Whether all is well, and the lines printed, with single blanks."""
    moved = {"move": 1200, "recreate": 3, "stay": 4, "failed": 0}
    summary = {
        "facts": {"From": "Main Office", "To": "Lakeside Branch"},
        "status": "waiting_for_answer",
        "ended": "",
        "by_table": [{"entity": "contact", **moved}],
        "by_rule": [
            {"rule_id": "XFR-NOTES", "decision": "stay", "contacts": 2, "records": 4},
            {"rule_id": "XFR-MOVED", "decision": "move", "contacts": 9, "records": 1200},
        ],
        "held": 0,
        "closure": 0,
        "agrees": None,
    }
    (folder / "manifest.json").write_text(json.dumps(summary | changes))
    stream = io.StringIO()
    is_well = print_summary(read_summary(folder), folder, Console(file=stream, width=80))
    return is_well, [" ".join(line.split()) for line in stream.getvalue().splitlines()]


def test_a_transfer_that_waits_shows_what_would_move_and_what_would_stay(tmp_path: Path) -> None:
    is_well, lines = printed(tmp_path)
    assert is_well
    assert "Main Office to Lakeside Branch: waiting for answer" in lines
    assert "moves anew stays" in lines
    assert "Contacts 1,200 3 4" in lines
    assert "XFR-NOTES 2 4" in lines
    assert "XFR-MOVED 9 1,200" not in lines
    assert lines[-1] == str(tmp_path / "manifest.html")


def test_a_transfer_that_came_out_otherwise_is_an_error(tmp_path: Path) -> None:
    assert printed(tmp_path, agrees=True)[0]
    failed = [{"entity": "contact", "move": 1, "recreate": 0, "stay": 0, "failed": 2}]
    is_well, lines = printed(tmp_path, agrees=False, by_table=failed)
    assert not is_well
    assert "moved anew stayed failed" in lines
    assert "Contacts 1 0 0 2" in lines
    assert "What happened does NOT equal the manifest." in lines


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    _, lines = printed(tmp_path, ended="\x1b[2J[bold red]gone[/bold red]")
    assert r"\u001b[2J[bold red]gone[/bold red]" in lines


def test_a_transfer_without_a_manifest_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no manifest"):
        read_summary(tmp_path)
