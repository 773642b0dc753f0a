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
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from include import ROOT

TOP = ("dags", "etl", "expectations", "include")
OURS = (*TOP, "tests")

# The rooms of the house, and the doors between them: which rooms a room may import from, beside itself. A module
# belongs to the room with the longest name that fits. Rooms stand in the order in which they may build on each other.
KERNEL = (
    "etl.errors",
    "etl.names",
    "etl.units",
    "etl.values",
    "etl.outcomes",
    "etl.tables",
    "etl.schema",
    "etl.frames",
    "etl.files",
    "etl.databases",
    "etl.canonical",
    "etl.defects",
    "etl.narrowing",
    "etl.meters",
    "etl.shapes",
)
EXTRACT = ("etl.extract",)
TRANSFORM = (
    "etl.transform.mapping",
    "etl.transform.arrays",
    "etl.transform.documents",
    "etl.transform.rules",
    "etl.transform.portfolio",
    "etl.transform.receipts",
    "etl.transform",
)
LEDGER = ("etl.load.bulk", "etl.load.ledger")
DELIVERY = ("etl.load.http", *LEDGER, "etl.load")
LOAD = (*DELIVERY, "etl.load.profiles", "etl.load.emoney")
RULES = ("expectations.facts", "expectations.rules")
CHECKS = (*RULES, "expectations")
RUN = ("include", "include.runtime", "include.report", "include.pipelines.run")
REFRESH = (
    *RUN,
    "include.pipelines.identity",
    "include.pipelines.couples",
    "include.pipelines.guards",
    "include.why",
    "include.pipelines.refresh",
)
TRANSFER = ("etl.transform.transfers", "etl.load.transfer", "include.pipelines.transfer")

DOORS: dict[str, tuple[str, ...]] = {
    "etl.errors": (),
    "etl.names": (),
    "etl.units": ("etl.errors",),
    "etl.values": ("etl.names",),
    "etl.outcomes": (),
    "etl.tables": (),
    "etl.schema": ("etl.tables",),
    "etl.frames": (),
    "etl.files": ("etl.errors",),
    "etl.databases": (),
    "etl.canonical": ("etl.errors", "etl.frames", "etl.schema"),
    "etl.defects": (),
    "etl.narrowing": ("etl.errors",),
    "etl.meters": (),
    "etl.shapes": (),
    "etl": (),
    "etl.extract": KERNEL,
    "etl.transform.mapping": KERNEL,
    "etl.transform.arrays": KERNEL,
    "etl.transform.documents": (*KERNEL, *TRANSFORM[:2]),
    "etl.transform.rules": (*KERNEL, *TRANSFORM[:3]),
    "etl.transform.portfolio": (*KERNEL, *TRANSFORM[:4]),
    "etl.transform.receipts": (*KERNEL, *TRANSFORM[:5]),
    "etl.transform": (*KERNEL, *TRANSFORM[:6]),
    "etl.transform.transfers": (*KERNEL, "etl.transform.arrays"),
    "etl.load.http": KERNEL,
    "etl.load.bulk": KERNEL,
    "etl.load.ledger": (*KERNEL, "etl.load.bulk"),
    "etl.load": (*KERNEL, *LEDGER, "etl.load.http"),
    "etl.load.profiles": (*KERNEL, *DELIVERY),
    "etl.load.emoney": (*KERNEL, *DELIVERY),
    "etl.load.transfer": (*KERNEL, *LEDGER),
    "expectations.facts": KERNEL,
    "expectations.rules": (*KERNEL, "expectations.facts"),
    "expectations": (*KERNEL, *RULES),
    "include": (),
    "include.runtime": (*KERNEL, "include", "etl.extract", *LEDGER, "etl.load.emoney", *RULES),
    "include.report": (*KERNEL, *RULES),
    "include.pipelines.run": (*KERNEL, *EXTRACT, *TRANSFORM, *LOAD, *RULES, *RUN),
    "include.pipelines.identity": (*KERNEL, *EXTRACT, *TRANSFORM, *LOAD, *RULES, *RUN),
    "include.pipelines.couples": (*KERNEL, *EXTRACT, *TRANSFORM, *LOAD, *RULES, *RUN, "include.pipelines.identity"),
    "include.pipelines.guards": (*KERNEL, *EXTRACT, *TRANSFORM, *LOAD, *RULES, *RUN, "include.pipelines.identity"),
    "include.why": (*KERNEL, "etl.transform.mapping", *LOAD, *RUN),
    "include.pipelines.refresh": (*KERNEL, *EXTRACT, *TRANSFORM, *LOAD, *CHECKS, *REFRESH),
    "include.pipelines.household": (*KERNEL, *EXTRACT, *TRANSFORM, *LOAD, *CHECKS, *REFRESH),
    "include.pipelines.undo": (*KERNEL, *LOAD, *RUN),
    "include.pipelines.notices": (*KERNEL, *LEDGER, *RULES, "include", "include.runtime", "include.report"),
    "include.pipelines.transfer": (*KERNEL, *EXTRACT, *LEDGER, *CHECKS, *RUN[:3], *TRANSFER),
    "include.coverage": (*KERNEL, *EXTRACT, *TRANSFORM, *CHECKS, "include.coverage.table"),
    "include.coverage.table": ("expectations.rules",),
    "include.desk": (
        *KERNEL,
        *EXTRACT,
        *LEDGER,
        "etl.load.profiles",
        *CHECKS,
        *RUN[:3],
        "include.coverage.table",
        "include.why",
    ),
    "include.commands": (*KERNEL, *RULES, *EXTRACT, *LEDGER, *TRANSFER, *REFRESH, "include.pipelines.undo"),
    "include.commands.check": (*KERNEL, *RULES, *LOAD, *RUN, "include.commands"),
    "include.plugins": ("expectations", "include.desk"),
    "include.plugins.airflow_internals": (),
    # Outside parties: they know the CRM's tables and nothing of the pipeline.
    "include.sandbox": ("etl.schema",),
    "include.demo": ("etl.schema",),
    "include.local": (
        "include",
        "etl.errors",
        "etl.files",
        "include.runtime",
        "include.demo",
        "include.commands",
        "include.plugins.airflow_internals",
    ),
    "include.commands.cli": (
        "etl.errors",
        "etl.files",
        *RUN[:3],
        "include.why",
        "include.pipelines.undo",
        "include.commands",
        "include.commands.check",
        "include.local",
    ),
    "dags": (
        "include.pipelines.notices",
        "include.runtime",
        "include.pipelines.refresh",
        "include.pipelines.household",
        "include.pipelines.transfer",
    ),
}

# Modules that only their own package may import.
PRIVATE = {"etl.load.ledger.tables": "etl.load.ledger"}

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
    def room(self) -> str:
        return room_of(self.name)

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


def room_of(name: str) -> str:
    """The room of a module, or of a name in it: the one with the longest name that fits."""
    return max((room for room in DOORS if is_within(name, room)), key=len)


def test_every_import_goes_through_a_door() -> None:
    closed = {
        at(module, node, f"{module.room} imports {target}")
        for module in modules(*TOP)
        for node, target in module.imports()
        if target.split(".")[0] in OURS and room_of(target) not in (module.room, *DOORS[module.room])
    }
    assert not closed, "\n" + "\n".join(sorted(closed))


def test_no_door_leads_in_a_circle() -> None:
    TopologicalSorter({room: [door for door in doors if door != room] for room, doors in DOORS.items()}).prepare()


def test_what_is_private_stays_in_its_package() -> None:
    outside = [
        at(module, node, f"imports {target}")
        for module in modules(*TOP)
        for node, target in module.imports()
        for private, home in PRIVATE.items()
        if is_within(target, private) and not is_within(module.name, home)
    ]
    assert not outside, "\n" + "\n".join(outside)


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
