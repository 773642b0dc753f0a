"""The folder of a local installation: secrets, one command at a time, files that appear complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from include import ROOT
from include.commands.cli import finish
from include.local.installation import Installation, Refused
from include.local.up import read_port


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "installation")


def test_secrets_are_made_once_and_only_their_owner_reads_them(installation: Installation) -> None:
    made = installation.secrets
    assert len(set(made.values())) == len(made)
    assert Installation(installation.folder).secrets == made
    assert (installation.folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    first, second = Installation(tmp_path / "a").secrets, Installation(tmp_path / "b").secrets
    assert not set(first.values()) & set(second.values())


def test_a_second_command_is_refused_by_the_name_of_the_one_that_is_running(installation: Installation) -> None:
    with (
        installation.in_use("make up", "http://127.0.0.1:8080"),
        pytest.raises(Refused, match=r"make up is already running .* at http://127\.0\.0\.1:8080 .*Ctrl-C"),
        installation.in_use("make demo"),
    ):
        pytest.fail("two commands in one installation")


def test_the_installation_is_free_again_when_the_command_ends_in_an_error(installation: Installation) -> None:
    with pytest.raises(ZeroDivisionError), installation.in_use("make demo"):
        raise ZeroDivisionError
    with installation.in_use("make demo"):
        assert (installation.folder / "in_use.json").exists()


def test_a_command_that_was_killed_does_not_block_the_next_one(installation: Installation) -> None:
    program = (
        "import os, sys; from pathlib import Path; from include.local.installation import Installation\n"
        "with Installation(Path(sys.argv[1])).in_use('make up'): os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(installation.folder)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    with installation.in_use("make demo"):
        pass


def test_a_folder_that_cannot_be_written_is_reported_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise PermissionError(13, "Permission denied", "/checkout/.planbridge")

    with pytest.raises(typer.Exit) as ended:
        finish(command)
    assert ended.value.exit_code == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "/checkout/.planbridge cannot be written or read (Permission denied). Make it writable" in said


def test_an_error_that_names_no_file_is_raised() -> None:
    def command() -> int:
        raise ConnectionResetError(104, "reset")

    with pytest.raises(ConnectionResetError):
        finish(command)


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "", "80.5"])
def test_a_text_that_is_no_port_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused, match=r"PORT is a number from 1 to 65535.* make up PORT=8080$"):
        read_port(text)
