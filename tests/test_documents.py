"""The documents say what is there, all of it, and nothing that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from expectations.rules import RULES
from include import ROOT
from include.commands.cli import app
from include.runtime.forms import HOUSEHOLD_SYNC, OFFICE_TRANSFER, WEEKNIGHT_REFRESH
from include.runtime.settings import PREFIX, Settings
from tests.documents import FILES, VIEW_PURPOSES, current_text

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FAMILIES = {rule_id.split("-")[0] for rule_id in RULES}


def text_of(*paths: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))


def settings() -> set[str]:
    return {
        f"{PREFIX}{section}__{name}".upper()
        for section, model in Settings.model_fields.items()
        for name in type(model.default).model_fields
    }


def rules_of_the_code() -> set[str]:
    """The ids of all rules, also of those that are no check: the code names them where they are carried out."""
    code = text_of(*(path for top in ("etl", "expectations", "include") for path in (ROOT / top).rglob("*.py")))
    return set(re.findall(rf"\b(?:{'|'.join(FAMILIES)})-[A-Z0-9]+(?:-[A-Z0-9]+)*\b", code)) | RULES.keys()


def code_spans(page: Path) -> Iterator[str]:
    yield from re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_generated_tables_are_current(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == current_text(text, in_shell=name.startswith(".")), "run: make documents"


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_make_target_is_documented() -> None:
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text_of(*PAGES)))
    assert make_targets() - named == set()
    assert named - make_targets() == set()


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    def commands(group: typer.Typer, path: str) -> set[str]:
        own = {f"{path} {command.name}" for command in group.registered_commands}
        inner = (commands(sub.typer_instance, f"{path} {sub.name}") for sub in group.registered_groups)
        return own.union(*inner)

    named = set(re.findall(r"`(planbridge [a-z][a-z -]*)`", text_of(*PAGES)))
    assert named == commands(app, "planbridge")


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    for text in (text_of(ROOT / "docs" / "engineer.md"), text_of(ROOT / ".env.example")):
        assert settings() - set(re.findall(r"PLANBRIDGE__[A-Z_]+[A-Z]", text)) == set()
    named = set(re.findall(r"PLANBRIDGE__[A-Z_]+[A-Z]", text_of(*PAGES)))
    assert named - settings() - {"PLANBRIDGE__SECTION__NAME"} == set()


@pytest.mark.parametrize("params", [WEEKNIGHT_REFRESH, HOUSEHOLD_SYNC, OFFICE_TRANSFER])
def test_every_param_is_documented(params: dict[str, object]) -> None:
    operate = text_of(ROOT / "docs" / "operate.md")
    assert [name for name in params if f"| `{name}` |" not in operate] == []


def test_every_rule_is_in_the_stewards_index_and_every_rule_that_a_page_names_exists() -> None:
    stewards = text_of(ROOT / "docs" / "stewards.md")
    assert [rule_id for rule_id in RULES if f"| {rule_id} |" not in stewards] == []
    named = set(re.findall(rf"\b(?:{'|'.join(FAMILIES)})-[A-Z0-9]+(?:-[A-Z0-9]+)*\b", text_of(*PAGES)))
    assert named - rules_of_the_code() == set()


def test_every_view_is_documented_and_every_documented_one_exists() -> None:
    assert set(re.findall(r"\b[a-z_]+_v\b", text_of(*PAGES))) == VIEW_PURPOSES.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_and_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
    tops = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    paths = [span for span in code_spans(page) if re.fullmatch(r"[\w./-]+", span) and span.split("/")[0] in tops]
    assert [path for path in paths if "/" in path and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_function_that_is_named_with_its_file_is_in_it(page: Path) -> None:
    named = [span.split(":") for span in code_spans(page) if re.fullmatch(r"[\w/]+\.py:\w+", span)]
    assert [function for file, function in named if f"def {function}(" not in text_of(ROOT / file)] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{3}-[\w-]+\.md)\)", text_of(folder / "README.md"))
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_every_decision_gives_context_choice_and_consequence() -> None:
    for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        assert re.findall(r"^## (.*)$", text_of(page), re.MULTILINE) == ["Context", "Choice", "Consequence"], page.name
