"""All that touches Great Expectations: its import, the one kind of expectation, the suites, and what a run gives back.

Great Expectations is here by the owner's choice, for named suites and results that stewards and auditors know. Which
rows fail is decided by `expectations.conditions.keeps` alone, and nothing outside this module knows the library.

Importing this module takes seconds and hundreds of megabytes: import it inside functions only.
"""

import importlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from etl.errors import GateBroken
from expectations.conditions import Mask, keeps
from expectations.facts.vendors import FRAMES_OF
from expectations.rules import Overrides, checks_of
from expectations.rules.types import Severity

# Two of its expectations draw charts with altair and test distributions with scipy.stats; importing both takes longer
# than all the rest. They are deferred, and loaded when one of those expectations is used.
DEFERRED = ("altair", "scipy.stats")


class _Deferred(ModuleType):
    """A stand-in that loads the module of its name when it is first used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _deferring(names: tuple[str, ...]) -> Iterator[None]:
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update((name, _Deferred(name)) for name in absent)
    try:
        yield
    finally:
        for name in absent:
            if isinstance(sys.modules.get(name), _Deferred):
                del sys.modules[name]


def _silence(name: str) -> None:
    """Let nothing of a package's loggers through; some of them set a level of their own."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


@contextmanager
def _quiet() -> Iterator[None]:
    """No log lines and no warnings, which may quote values; no analytics; no charts."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _silence("great_expectations")
    with warnings.catch_warnings(), _deferring(DEFERRED):
        warnings.simplefilter("ignore")
        yield


with _quiet():
    from great_expectations import ExpectationSuite, get_context
    from great_expectations.core.id_dict import IDDict
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
    from great_expectations.expectations.expectation import BatchExpectation
    from great_expectations.expectations.expectation_configuration import parse_result_format
    from great_expectations.expectations.metrics.metric_provider import metric_value
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
    from great_expectations.validator.metric_configuration import MetricConfiguration
    from great_expectations.validator.validator import ValidationDependencies, Validator

FAILING_METRIC = "planbridge_rows.failing"
ROWS_METRIC = "table.row_count"


@dataclass(frozen=True)
class CheckResult:
    """One check's result: its place among `checks_of` the vendor, the rows seen, the positions of all failing rows."""

    place: int
    rows: int
    failing_rows: np.ndarray[Any, np.dtype[np.int64]]


class FailingRows(TableMetricProvider):
    """Which rows break a named condition of `expectations.conditions`: one bool a row."""

    metric_name = FAILING_METRIC
    value_keys = ("condition", "columns", "arguments")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> Mask:
        rows, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        return ~keeps(rows, **metric_value_kwargs)


class ExpectRowsToKeepCondition(BatchExpectation):
    """Every row keeps a named condition, nulls included.

    The result holds ``element_count``, ``unexpected_count`` and ``failing_rows``, the positions of all failing rows as
    an array; it never holds a value.

    Great Expectations' own expectations on rows give the keys of failing rows at about 100 µs a row, and resolve ten
    metrics for each expectation. This one resolves the row count, which all share, and the mask of failing rows.
    """

    condition: str
    columns: list[str]
    arguments: dict[str, Any]

    success_keys: ClassVar[tuple[str, ...]] = ("condition", "columns", "arguments")

    @property
    def needed_columns(self) -> list[str]:
        """The columns that the condition looks at."""
        return [*self.arguments.get("among", {}), *self.columns]

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """The row count and the mask of failing rows."""
        domain = IDDict(batch_id=self.batch_id)
        value = IDDict(condition=self.condition, columns=self.columns, arguments=self.arguments)
        needed = {
            ROWS_METRIC: MetricConfiguration(ROWS_METRIC, domain),
            FAILING_METRIC: MetricConfiguration(FAILING_METRIC, domain, value),
        }
        result_format = parse_result_format((runtime_configuration or {}).get("result_format", "BASIC"))
        return ValidationDependencies(needed, result_format)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        rows, failing = metrics[ROWS_METRIC], np.asarray(metrics[FAILING_METRIC])
        if failing.dtype != np.bool_ or len(failing) != rows:
            raise TypeError(f"{self.condition} gives {len(failing)} {failing.dtype}, not a bool for each row")
        failed = int(np.count_nonzero(failing))
        result = {"element_count": rows, "unexpected_count": failed, "failing_rows": np.flatnonzero(failing)}
        return {"success": failed == 0, "result": result}


def build_suites(vendor: str, as_of: date, overrides: Overrides | None = None) -> dict[str, ExpectationSuite]:
    """The suites of a vendor by frame; each expectation has its severity, and in ``meta`` its rule and check.

    ``meta``: ``rule_id``, ``check`` (place among `checks_of` the vendor), ``remedy``. A process makes them once. Raises
    `KeyError` for a vendor that has none.
    """
    return _suites(vendor, as_of, tuple(sorted((overrides or {}).items())))


@lru_cache(maxsize=16)
def _suites(vendor: str, as_of: date, overrides: tuple[tuple[str, Severity], ...]) -> dict[str, ExpectationSuite]:
    by_frame: dict[str, list[Any]] = {frame: [] for frame in FRAMES_OF[vendor]}
    for place, (rule, check) in enumerate(checks_of(vendor, dict(overrides))):
        by_frame[check.frame].append(
            ExpectRowsToKeepCondition(
                condition=check.condition,
                columns=list(check.columns),
                arguments=check.arguments_on(as_of),
                severity=rule.severity,
                meta={"rule_id": rule.rule_id, "check": place, "remedy": check.remedy or rule.remedy},
            )
        )
    return {
        frame: ExpectationSuite(name=f"{vendor}.{frame}", expectations=expectations)
        for frame, expectations in by_frame.items()
    }


def run_suites(
    vendor: str, facts: Mapping[str, pd.DataFrame], as_of: date, overrides: Overrides | None = None
) -> list[CheckResult]:
    """The results of a vendor's checks, in the order of the table; frames without rows are not asked.

    Raises `GateBroken` for a check that could not run over all rows, or did not list all rows that it counted.
    """
    results: list[CheckResult] = []
    with open_context() as context:
        for frame, suite in build_suites(vendor, as_of, overrides).items():
            expected, rows = len(suite.expectations), facts[frame]
            if not expected:
                raise GateBroken(f"the suite {suite.name} is empty")
            if not len(rows):
                continue
            found = [_read_result(each, len(rows)) for each in run_suite(context, suite, rows)]
            if len({each.place for each in found}) != expected:
                raise GateBroken(f"the suite {suite.name} has {expected} checks and {len(found)} results")
            results += found
    return sorted(results, key=lambda each: each.place)


@contextmanager
def open_context() -> Iterator[Any]:
    """An ephemeral context without progress bars; nothing is written to disk, nothing is sent. A process makes one."""
    with _quiet():
        yield _context()


@cache
def _context() -> Any:
    # Without stores of its own, each context makes a temporary folder for a docs site that nobody wants.
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    no_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    config = DataContextConfig(store_backend_defaults=stores, progress_bars=no_bars, analytics_enabled=False)
    return get_context(project_config=config, mode="ephemeral")


def run_suite(context: Any, suite: Any, rows: pd.DataFrame, result_format: str = "BASIC") -> list[Any]:
    """The results of a suite over a frame in memory, with all failing rows unless ``BOOLEAN_ONLY`` is wanted.

    What ``Batch.validate`` does, without registering the frame as an asset of a data source: that fingerprints every
    cell and writes the context's configuration anew each time.
    """
    columns = dict.fromkeys(column for expectation in suite.expectations for column in expectation.needed_columns)
    engine = PandasExecutionEngine()
    engine.load_batch_data(suite.name, rows[list(columns)])
    validator = Validator(execution_engine=engine, data_context=context)
    results: list[Any] = validator.graph_validate(
        configurations=suite.expectation_configurations, runtime_configuration={"result_format": result_format}
    )
    return results


def _read_result(result: Any, rows: int) -> CheckResult:
    """One expectation's result; raises `GateBroken` unless it ran over all rows and lists as many as it counted."""
    meta = result.expectation_config.meta
    traces = _traces(result.exception_info)
    if traces:
        broken = GateBroken(f"{meta['rule_id']}: the check could not run: {_exception_names(traces)}")
        broken.add_note(_exception_places(traces))
        raise broken
    outcome = result.result
    failing = outcome.get("failing_rows")
    counted = outcome.get("unexpected_count")
    if outcome.get("element_count") != rows or failing is None or counted is None:
        raise GateBroken(f"{meta['rule_id']}: the check did not see all {rows} rows")
    if len(failing) != counted or bool(result.success) != (counted == 0):
        raise GateBroken(f"{meta['rule_id']}: {len(failing)} failing rows are listed, and {counted} were counted")
    return CheckResult(meta["check"], rows, failing)


def _traces(info: Any) -> list[str]:
    """The traces of the exceptions that were raised; by metric where a metric failed."""
    if not isinstance(info, Mapping):
        return []
    own = [str(info.get("exception_traceback"))] if info.get("raised_exception") else []
    return own + [trace for nested in info.values() for trace in _traces(nested)]


def _exception_names(traces: list[str]) -> str:
    """The exceptions' class names only: their messages may quote values."""
    pattern = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)
    return ", ".join(sorted({name for trace in traces for name in pattern.findall(trace)})) or "unknown"


def _exception_places(traces: list[str]) -> str:
    """The places in the code from which the exceptions came, for the log."""
    pattern = re.compile(r'^ *File ".*", line \d+, in .*$', re.MULTILINE)
    return "\n".join(place for trace in traces for place in pattern.findall(trace))
