"""The one kind of expectation that the suites are made of, in Great Expectations' own terms.

Importing this module imports Great Expectations (seconds, hundreds of megabytes): only from inside functions.

Great Expectations offers the keys of failing rows by COMPLETE with ``unexpected_index_column_names``, at about 100 µs
a row. The mask of failing rows is one of its metrics all the same (the unexpected count is counted from it): the
expectation below asks for that metric too, and so gives every failing row at the price of the count.
"""

from typing import Any, ClassVar

import numpy as np
from great_expectations.core.id_dict import IDDict
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
    multicolumn_condition_partial,
)
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.conditions import Mask, keeps

MAP_METRIC = "planbridge_rows.keep_condition"
ROWS_METRIC = "table.row_count"
COUNT_METRIC = f"{MAP_METRIC}.unexpected_count"
MASK_METRIC = f"{MAP_METRIC}.condition"


class RowsKeepCondition(MulticolumnMapMetricProvider):
    """Which rows break a named condition of `expectations.conditions`."""

    condition_metric_name = MAP_METRIC
    condition_value_keys = ("condition", "columns", "arguments")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: Any, condition: str, columns: Any, arguments: Any, **_: Any) -> Mask:
        return keeps(column_list, condition, columns, arguments)


class ExpectRowsToKeepCondition(MulticolumnMapExpectation):
    """Every row keeps a named condition, nulls included.

    The result holds ``element_count``, ``unexpected_count`` and ``failing_rows``, the positions of all failing rows as
    an array; it never holds a value.
    """

    condition: str
    columns: list[str]
    arguments: dict[str, Any]

    map_metric: ClassVar[str] = MAP_METRIC
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "condition", "columns", "arguments")

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """The row count, the failure count and, unless only a boolean is asked for, the mask it is counted from.

        The parent is not asked: it would list the failing rows' values, and takes as long as all the rest.
        """
        domain = IDDict(batch_id=self.batch_id, column_list=self.column_list, ignore_row_if=self.ignore_row_if)
        value = IDDict(condition=self.condition, columns=self.columns, arguments=self.arguments)
        needed = {
            ROWS_METRIC: MetricConfiguration(ROWS_METRIC, IDDict(batch_id=self.batch_id)),
            COUNT_METRIC: MetricConfiguration(COUNT_METRIC, domain, value),
        }
        result_format = parse_result_format((runtime_configuration or {}).get("result_format", "BASIC"))
        if result_format["result_format"] != "BOOLEAN_ONLY":
            needed[MASK_METRIC] = MetricConfiguration(MASK_METRIC, domain, value)
        return ValidationDependencies(needed, result_format)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        failed = metrics[COUNT_METRIC]
        result = {"element_count": metrics[ROWS_METRIC], "unexpected_count": failed}
        if MASK_METRIC in metrics:
            failing = np.asarray(metrics[MASK_METRIC][0])
            if failing.dtype != np.bool_ or len(failing) != metrics[ROWS_METRIC]:
                raise TypeError(f"{self.condition} gives {len(failing)} {failing.dtype}, not a bool for each row")
            result["failing_rows"] = np.flatnonzero(failing)
        return {"success": failed == 0, "result": result}
