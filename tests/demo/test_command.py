"""The command `python -m tests.demo`."""

from pathlib import Path

from typer.testing import CliRunner

from tests.demo.__main__ import app

runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


def test_the_command_makes_an_office_and_prints_what_is_in_it(tmp_path: Path) -> None:
    result = runner.invoke(app, ["--database", f"sqlite:///{tmp_path / 'crm.db'}", "--households", "90", "--seed", "4"])
    assert result.exit_code == 0, result.output
    assert "household" in result.output
    assert "90" in result.output
    assert f"{tmp_path / 'crm.db'}.breaks.json" in result.output
    assert (tmp_path / "crm.db.breaks.json").exists()


def test_a_database_that_is_not_empty_is_refused_with_the_way_out(tmp_path: Path) -> None:
    arguments = ["--database", f"sqlite:///{tmp_path / 'crm.db'}", "--households", "3"]
    assert runner.invoke(app, arguments).exit_code == 0
    refused = runner.invoke(app, arguments)
    assert refused.exit_code == 1
    assert "not empty" in refused.output
    assert "--overwrite" in refused.output
    assert runner.invoke(app, [*arguments, "--overwrite"]).exit_code == 0


def test_an_unreachable_database_is_named_without_its_password() -> None:
    result = runner.invoke(app, ["--database", "postgresql://planner:topsecret@127.0.0.1:1/crm"])
    assert result.exit_code == 1
    assert "cannot be reached" in result.output
    assert "127.0.0.1:1" in result.output
    assert "topsecret" not in result.output
    assert "Traceback" not in result.output


def test_a_folder_that_does_not_exist_is_an_unreachable_database(tmp_path: Path) -> None:
    result = runner.invoke(app, ["--database", f"sqlite:///{tmp_path / 'nowhere' / 'crm.db'}"])
    assert result.exit_code == 1
    assert "cannot be reached" in result.output


def test_other_addresses_are_refused_with_the_two_forms() -> None:
    for address in ("mysql://a:b@127.0.0.1/crm", "crm.db", "sqlite://"):
        result = runner.invoke(app, ["--database", address])
        assert result.exit_code == 1
        assert "sqlite:////absolute/path.db" in result.output
        assert "postgresql://" in result.output


def test_the_day_is_a_date() -> None:
    result = runner.invoke(app, ["--database", "sqlite:////tmp/never.db", "--today", "yesterday"])
    assert result.exit_code == 2
    assert "YYYY" in result.output or "%Y-%m-%d" in result.output


def test_help_names_every_option() -> None:
    result = runner.invoke(app, ["--help"])
    for option in ("--database", "--households", "--seed", "--today", "--overwrite", "--clean", "--breaks"):
        assert option in result.output
