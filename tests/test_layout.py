"""The house keeps its shape: which way imports point, how long a function may grow, what is never written."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from include import ROOT

TOP = ("dags", "etl", "expectations", "include")
OURS = (*TOP, "tests")

# Who may import what of ours; the longest name that fits a module is its layer.
KERNEL = (
    "etl.errors",
    "etl.databases",
    "etl.schema",
    "etl.frames",
    "etl.names",
    "etl.values",
    "etl.canonical",
    "etl.defects",
    "etl.narrowing",
    "etl.files",
)
ARROWS: dict[str, tuple[str, ...]] = {
    "etl": (),
    "etl.errors": (),
    "etl.databases": (),
    "etl.schema": (),
    "etl.frames": (),
    "etl.names": (),
    "etl.values": ("etl.names",),
    "etl.canonical": ("etl.errors", "etl.schema"),
    "etl.defects": (),
    "etl.narrowing": ("etl.errors",),
    "etl.files": (),
    "etl.extract": KERNEL,
    "etl.transform": KERNEL,
    "etl.load": KERNEL,
    "expectations": KERNEL,
    "include": ("etl", "expectations", "include"),
    # Outside parties: they know the CRM's tables and nothing of the pipeline.
    "include.sandbox": ("etl.schema",),
    "include.demo": ("etl.schema",),
    "include.local": ("include.ROOT", "include.demo", "include.runtime.unwritable", "include.commands.run_summary"),
    "dags": ("include",),
}

# One function each, as long as the list of what it changes; frozen once it has landed.
STEPS_OF_THE_LEDGER = "etl/load/ledger/migrations/versions/"

# Its classes are Great Expectations' own kind; so it counts as a part of that, to be imported as late.
DEFINED_ON_GREAT_EXPECTATIONS = ("expectations.gx",)

OUTSIDE_HOST = re.compile(r"https?://(?!127\.0\.0\.1|localhost|[\w.-]*\.?example\.(?:com|org|net)|[{<%\"'`\s)])[\w.-]+")
# Names of vocabularies, which nobody fetches.
NAMES_THAT_LOOK_LIKE_ADDRESSES = ("http://www.w3.org", "http://schemas.openxmlformats.org")


@dataclass(frozen=True)
class Module:
    """A Python file of ours and its syntax tree."""

    path: Path

    @property
    def file(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def name(self) -> str:
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def layer(self) -> str:
        return max((layer for layer in ARROWS if is_within(self.name, layer)), key=len)

    @property
    def tree(self) -> ast.Module:
        return parsed(self.path)

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """Every import, wherever it stands, with the full name of what it takes."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node, f"{self.source(node)}.{alias.name}") for alias in node.names)

    def source(self, node: ast.ImportFrom) -> str:
        """The module that ``from … import`` names, relative ones resolved."""
        if not node.level:
            return node.module or ""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        base = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def modules(*folders: str) -> list[Module]:
    return [Module(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def at(module: Module, node: ast.stmt | ast.expr, what: str) -> str:
    return f"{module.file}:{node.lineno}: {what}"


def test_imports_point_inward() -> None:
    def is_allowed(layer: str, target: str) -> bool:
        own = () if layer == "etl" else (layer,)
        return any(is_within(target, allowed) for allowed in (*own, *ARROWS[layer]))

    wrong = {
        at(module, node, f"{module.layer} imports {target}")
        for module in modules(*TOP)
        for node, target in module.imports()
        if target.split(".")[0] in OURS and not is_allowed(module.layer, target)
    }
    assert not wrong, "\n" + "\n".join(sorted(wrong))


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("requests", ("etl.load.http.transport",)),
        ("great_expectations", ("expectations",)),
        ("airflow", ("dags", "include")),
        ("tests", ()),
    ],
)
def test_a_library_is_imported_only_in_its_home(package: str, home: tuple[str, ...]) -> None:
    outside = [
        at(module, node, f"imports {target}")
        for module in modules(*TOP)
        for node, target in module.imports()
        if is_within(target, package) and not any(is_within(module.name, place) for place in home)
    ]
    assert not outside, "\n" + "\n".join(outside)


def test_great_expectations_is_loaded_inside_functions_only() -> None:
    early = [
        at(module, node, f"imports {target} when the module is imported")
        for module in modules(*TOP)
        for node, target in module.imports()
        if any(is_within(target, slow) for slow in ("great_expectations", *DEFINED_ON_GREAT_EXPECTATIONS))
        and module.name not in DEFINED_ON_GREAT_EXPECTATIONS
        and runs_on_import(module.tree, node)
    ]
    assert not early, "\n" + "\n".join(early)


def runs_on_import(tree: ast.Module, wanted: ast.stmt) -> bool:
    """Whether a statement runs when its module is imported; what only type checkers read does not."""

    def search(nodes: list[ast.stmt]) -> bool:
        for node in nodes:
            if node is wanted:
                return True
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                continue
            if search([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]):
                return True
        return False

    return search(tree.body)


def test_no_dag_file_is_longer_than_60_lines() -> None:
    lengths = {module.file: len(module.path.read_text(encoding="utf-8").splitlines()) for module in modules("dags")}
    assert not {file: count for file, count in lengths.items() if count > 60}


def test_no_function_is_longer_than_40_lines() -> None:
    too_long = [
        f"{module.file}:{function.lineno}: {function.name} has {length} lines"
        for module in modules(*TOP)
        if not module.file.startswith(STEPS_OF_THE_LEDGER)
        for function in module.functions()
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > 40
    ]
    assert not too_long, "\n" + "\n".join(too_long)


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "misc"}
    assert not [module.file for module in modules(*OURS) if module.path.stem in drawers]


def test_frames_are_named_by_their_rows() -> None:
    nameless = [
        at(module, node, "a frame is a plural noun of its rows")
        for module in modules(*TOP)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and (node.id == "df" or node.id.endswith("_df"))
    ]
    assert not nameless, "\n" + "\n".join(nameless)


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts(*OURS)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if later.search(line)
    ]
    assert not found


def test_no_address_of_an_outside_host_is_written_down() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in texts(*TOP)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in OUTSIDE_HOST.finditer(line)
        if not match[0].startswith(NAMES_THAT_LOOK_LIKE_ADDRESSES)
    ]
    assert not found, "\n" + "\n".join(found)


def texts(*folders: str) -> Iterator[Path]:
    """Every text file of ours: code, templates, styles, tables."""
    kinds = {".py", ".html", ".css", ".js", ".jinja", ".csv", ".sql", ".sh", ".toml", ".md", ".txt"}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in kinds and "__pycache__" not in path.parts:
                yield path


PARSE = """
import importlib, sys, time
from pathlib import Path
import airflow.sdk
import airflow.providers.standard
heavy = {"pandas", "great_expectations", "pyarrow", "numpy", "requests", "adbc_driver_manager"}
before = heavy & sys.modules.keys()
started = time.process_time()
for path in sorted(Path("dags").glob("*.py")):
    importlib.import_module(f"dags.{path.stem}")
print(f"{time.process_time() - started:.2f}", *sorted((heavy & sys.modules.keys()) - before))
"""


@pytest.mark.airflow
def test_dag_files_are_parsed_fast_and_without_heavy_libraries(airflow_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARSE], cwd=ROOT, env=airflow_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seconds, *heavy = done.stdout.split(os.linesep)[-2].split()
    assert heavy == []
    assert float(seconds) < 2
