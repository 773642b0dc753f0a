"""The set-up: what the lock holds, what the second call does, what it prints where something is missing."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from include import ROOT
from include.local import setup

LOCKS = ("requirements", "requirements-dev")
NAMED = {
    re.split(r"[\[=<>~ ]", line, maxsplit=1)[0]
    for lock in LOCKS
    for line in (ROOT / f"{lock}.in").read_text().splitlines()
    if line and not line.startswith(("#", "-c"))
}
COMMANDS = ("demo", "test", "up", "bench", "lint", "lock", "clean", "help")


def shell(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=60
    )


def program(path: Path, body: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def fake_python(folder: Path, body: str) -> None:
    """A ``python3`` that answers as another machine's would."""
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python3.14", "python"):
        program(folder / name, body)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing prepared, and on its PATH the tools that every machine has."""
    shutil.copytree(ROOT / "include" / "local", tmp_path / "include" / "local")
    (tmp_path / "tests").mkdir()
    for name in ("browser.py", "axe.txt"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    fetched = tmp_path / ".planbridge" / "tests" / "axe"
    fetched.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "axe.txt", fetched)
    for lock in LOCKS:
        shutil.copy(ROOT / f"{lock}.txt", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("cat", "cmp", "basename", "dirname", "sh", "tail"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    return tmp_path


@pytest.mark.parametrize(("name", "at_least"), [(LOCKS[0], 100), (LOCKS[1], 30)])
def test_every_package_is_pinned_with_hashes(name: str, at_least: int) -> None:
    lock = (ROOT / f"{name}.txt").read_text().replace("\\\n", " ")
    pins = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(pins) > at_least
    assert [pin for pin in pins if not re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==\S+.* --hash=sha256:", pin)] == []


def test_what_both_locks_hold_has_one_version() -> None:
    night, more = (dict(re.findall(r"^([a-z0-9.-]+)(?:\[.*\])?==(\S+)", text_of(name), re.MULTILINE)) for name in LOCKS)
    assert {name for name in night.keys() & more.keys() if night[name] != more[name]} == set()
    assert not {"pytest", "mypy", "selenium", "faker"} & night.keys()


def text_of(lock: str) -> str:
    return (ROOT / f"{lock}.txt").read_text()


def test_the_locks_hold_everything_that_is_named() -> None:
    lock = "".join(map(text_of, LOCKS))
    assert [name for name in sorted(NAMED) if not re.search(rf"^{name}(\[[a-z,]+\])?==", lock, re.MULTILINE)] == []


def test_every_library_that_is_imported_is_named() -> None:
    homes = importlib.metadata.packages_distributions()
    imported = {
        name.split(".")[0]
        for folder in ("dags", "etl", "expectations", "include", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in names_of(node)
    }
    unnamed = {
        library
        for library in imported - set(sys.stdlib_module_names)
        if library in homes and not {home.lower().replace("_", "-") for home in homes[library]} & NAMED
    }
    assert unnamed <= {"airflow"}  # its parts come with it


def names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_make_knows_every_command() -> None:
    shown = shell("make help", ROOT, PATH=os.environ["PATH"])
    assert shown.returncode == 0
    assert [name for name in COMMANDS if f"make {name} " not in shown.stdout] == []


def test_the_second_set_up_does_nothing(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / ".venv" / "requirements.txt").write_text("".join(map(text_of, LOCKS)))
    fake_python(checkout / "bin", "echo no set-up was needed >&2; exit 1")
    done = shell("sh include/local/setup.sh", checkout, PATH=f"{checkout}/bin:/bin")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_changed_lock_and_an_interrupted_set_up_are_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, lock, installed = tmp_path / "python", tmp_path / "lock", tmp_path / "installed"
    for name, path in (("PYTHON", python), ("LOCKS", (lock,)), ("INSTALLED", installed)):
        monkeypatch.setattr(setup, name, path)
    python.touch()
    lock.write_text("pandas==3.1.1")
    assert not setup.is_complete()
    installed.write_text("pandas==3.1.0")
    assert not setup.is_complete()
    installed.write_text("pandas==3.1.1")
    assert setup.is_complete()


def set_up(checkout: Path) -> subprocess.CompletedProcess[str]:
    return shell("/bin/sh include/local/setup.sh", checkout, PATH=str(checkout / "bin"))


def as_user(checkout: Path, user_id: int, apt: str | None) -> None:
    """The user who runs the set-up, and what apt-get does, which notes its arguments."""
    program(checkout / "bin" / "id", f"echo {user_id}")
    if apt is not None:
        program(checkout / "bin" / "apt-get", f'echo "$@" >> apt.log\n{apt}')


def test_with_an_old_python_it_prints_what_is_needed(checkout: Path) -> None:
    as_user(checkout, 1000, None)
    fake_python(checkout / "bin", 'case "$1" in --version) echo Python 3.9.18;; *) exit 1;; esac')
    done = set_up(checkout)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; found: Python 3.9.18" in done.stderr


def test_without_python_it_prints_what_is_needed(checkout: Path) -> None:
    as_user(checkout, 1000, "exit 100")
    done = set_up(checkout)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; found: no Python" in done.stderr
    assert "sudo apt-get install python3 python3-venv" in done.stderr
    assert not (checkout / "apt.log").exists()


def test_without_the_venv_module_it_prints_how_to_get_it(checkout: Path) -> None:
    as_user(checkout, 1000, None)
    fake_python(checkout / "bin", 'case "$2" in *venv*) exit 1;; *) exit 0;; esac')
    done = set_up(checkout)
    assert done.returncode == 1
    assert "sudo apt-get install python3.13-venv" in done.stderr


def test_root_gets_the_venv_module_and_the_set_up_goes_on(checkout: Path) -> None:
    as_user(checkout, 0, "case $1 in install) : > has_venv;; esac")
    python = 'case "$2" in *venv*) [ -f has_venv ];; *) [ "$2" != include.local.setup ] || echo it goes on;; esac'
    fake_python(checkout / "bin", python)
    done = set_up(checkout)
    assert (done.returncode, done.stdout) == (0, "Set-up: installing python3.13-venv\nit goes on\n")
    assert (checkout / "apt.log").read_text().splitlines()[-1].endswith(" python3.13-venv")


def test_the_output_of_apt_is_shown_where_it_cannot_install(checkout: Path) -> None:
    as_user(checkout, 0, "echo E: Unable to locate package; exit 100")
    done = set_up(checkout)
    assert done.returncode == 1
    assert "E: Unable to locate package" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def look_for_browser(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -S tests/browser.py"
    return shell(command, checkout, PATH=str(checkout / "bin"), **variables)


def browser(folder: Path, name: str, version: int) -> None:
    program(folder / name, f"echo Some browser {version}.0.6478.126")


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_a_browser_counts_under_each_of_its_names(checkout: Path, name: str) -> None:
    as_user(checkout, 0, "exit 100")
    browser(checkout / "bin", name, 126)
    browser(checkout / "bin", "chromedriver", 126)
    assert look_for_browser(checkout).returncode == 0
    assert not (checkout / "apt.log").exists()


def test_a_browser_elsewhere_counts_where_the_shell_names_it(checkout: Path) -> None:
    as_user(checkout, 1000, None)
    browser(checkout / "elsewhere", "chrome", 126)
    browser(checkout / "elsewhere", "driver", 126)
    named = {"CHROME": f"{checkout}/elsewhere/chrome", "CHROMEDRIVER": f"{checkout}/elsewhere/driver"}
    assert look_for_browser(checkout, **named).returncode == 0


def test_root_gets_the_browser_that_is_missing(checkout: Path) -> None:
    made = r"for name in chromium chromedriver; do printf '#!/bin/sh\necho Some browser 126.0.6478.126\n' > bin/$name; "
    made += f"{shutil.which('chmod')} +x bin/$name; done"
    as_user(checkout, 0, f"case $1 in install) {made};; esac")
    done = look_for_browser(checkout)
    assert done.returncode == 0, done.stderr
    assert (checkout / "apt.log").read_text().splitlines()[-1].endswith(" chromium chromium-driver")


def test_a_user_who_may_not_install_a_browser_gets_the_command_before_the_first_test(checkout: Path) -> None:
    as_user(checkout, 1000, "exit 100")
    done = look_for_browser(checkout)
    assert done.returncode == 1
    assert "the tests need Chromium or Chrome, and a chromedriver of the same version" in done.stderr
    assert "sudo apt-get install chromium chromium-driver" in done.stderr
    assert not (checkout / "apt.log").exists()


def test_a_driver_of_another_version_is_no_driver(checkout: Path) -> None:
    as_user(checkout, 1000, None)
    browser(checkout / "bin", "chromium", 126)
    browser(checkout / "bin", "chromedriver", 114)
    assert look_for_browser(checkout).returncode == 1


def test_make_test_looks_for_the_browser_before_the_first_test_and_ci_only_calls_make_test() -> None:
    steps = shell("make -n test", ROOT, PATH=os.environ["PATH"]).stdout
    assert 0 < steps.index("tests.browser") < steps.index("pytest")
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert commands == ['cd "$(dirname "$0")/.." || exit', 'export CI="${CI:-1}"', "exec make test"]


def test_a_step_that_fails_shows_the_end_of_its_output() -> None:
    command = "print('first'); raise SystemExit('no route to the package index')"
    with pytest.raises(setup.SetupFailed, match="no route to the package index"):
        setup.run("trying", sys.executable, "-c", command)


def test_uv_is_installed_by_its_hashes() -> None:
    lines = setup.pinned("uv").splitlines()
    assert lines[0].startswith("uv==")
    assert any("--hash=sha256:" in line for line in lines)
    assert not [line for line in lines[1:] if re.match(r"[a-z]", line)]


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to set up on a machine without uv, whose Python notes its arguments in the file that this gives."""
    lock, venv = tmp_path / "requirements.txt", tmp_path / ".venv"
    lock.write_text(f"pandas==3.1.1 --hash=sha256:0\n{setup.pinned('uv')}")
    places = {"ROOT": tmp_path, "LOCKS": (lock,), "VENV": venv, "PYTHON": venv / "bin" / "python"}
    for name, place in places.items():
        monkeypatch.setattr(setup, name, place)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    venv.mkdir()
    program(venv / "bin" / "python", 'echo "python $@" >> noted')
    return tmp_path / "noted"


def steps(noted: Path) -> list[str]:
    """The programs that were called, and the files that they were to install from."""
    return [re.sub(r" .*[/ ](\S+)$", r" \1", line) for line in noted.read_text().splitlines()]


def test_it_installs_with_the_uv_of_the_machine(noted: Path) -> None:
    program(noted.parent / "bin" / "uv", 'echo "uv $@" >> noted')
    setup.install()
    assert steps(noted) == ["uv requirements.txt"]
    assert "pip sync --require-hashes" in noted.read_text()


def test_it_fetches_the_uv_of_the_lock_where_the_machine_has_none(noted: Path) -> None:
    program(setup.VENV / "bin" / "uv", 'echo "locked_uv $@" >> noted')
    setup.install()
    assert steps(noted) == ["python uv.txt", "locked_uv requirements.txt"]
    assert (setup.VENV / "uv.txt").read_text() == setup.pinned("uv")


def test_it_installs_with_pip_and_the_same_hashes_where_uv_fails(noted: Path) -> None:
    program(noted.parent / "bin" / "uv", "exit 2")
    setup.install()
    assert steps(noted) == ["python requirements.txt"]
    assert "pip --disable-pip-version-check --no-input install --require-hashes -r" in noted.read_text()


def test_the_project_names_the_pythons_it_runs_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.11"
    assert project["tool"]["ruff"]["target-version"] == "py311"


def test_the_example_names_every_setting_with_its_default() -> None:
    from include.runtime.settings import Settings

    shown = dict(re.findall(r"^#?(PLANBRIDGE__\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    known = {
        f"PLANBRIDGE__{section}__{name}".upper()
        for section, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    }
    assert set(shown) == known
    given = {name.lower(): value.strip("'") for name, value in shown.items() if value}
    sections: dict[str, dict[str, str]] = {}
    for name, value in given.items():
        _, section, setting = name.split("__")
        sections.setdefault(section, {})[setting] = value
    assert Settings.model_validate(sections).model_dump() == Settings().model_dump()
