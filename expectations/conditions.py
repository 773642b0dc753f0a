"""The conditions of rules on facts: named vectorised functions, for the gate and for the words of its findings.

Each takes a frame, the columns it looks at and its arguments, and gives one bool a row: True where the row keeps the
rule. Nulls, NaN, infinities, blanks and no-break spaces count; Great Expectations' own column rules let them pass.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from etl.schema import NOT_FINITE
from etl.values import E_MAIL

Mask = npt.NDArray[np.bool_]
Condition = Callable[..., Mask]

CONDITIONS: dict[str, Condition] = {}

LOST = "\N{REPLACEMENT CHARACTER}"


def keeps(rows: pd.DataFrame, condition: str, columns: Sequence[str], arguments: Mapping[str, Any]) -> Mask:
    """One bool a row: whether it keeps the named condition; rows outside ``among`` always do."""
    rest = {name: value for name, value in arguments.items() if name != "among"}
    held = CONDITIONS[condition](rows, *columns, **rest)
    for column, values in arguments.get("among", {}).items():
        asked = rows[column].isin([value for value in values if value is not None]).to_numpy(dtype=bool)
        if None in values:
            asked = asked | rows[column].isna().to_numpy(dtype=bool)
        held = held | ~asked
    return held


def _condition(function: Condition) -> Condition:
    CONDITIONS[function.__name__] = function
    return function


def blank(values: pd.Series) -> Mask:
    """Null, or empty after Unicode whitespace is trimmed."""
    empty: Mask = values.isna().to_numpy(dtype=bool)
    if len(values) and not empty.all():
        empty = empty | (values.astype("str").str.strip() == "").to_numpy(dtype=bool)
    return empty


def _every(rows: pd.DataFrame, columns: Sequence[str], holds: Callable[[pd.Series], Mask]) -> Mask:
    """Whether each of the columns holds, row by row."""
    held: Mask = np.logical_and.reduce([holds(rows[column]) for column in columns])
    return held


def _flag(values: pd.Series) -> Mask:
    flags: Mask = values.to_numpy(dtype=bool)
    return flags


def _present(values: pd.Series) -> Mask:
    present: Mask = values.notna().to_numpy(dtype=bool)
    return present


def _numbers(values: pd.Series) -> npt.NDArray[np.int64]:
    """The scaled integers, 0 for a null."""
    numbers: npt.NDArray[np.int64] = values.to_numpy(dtype="int64", na_value=0)
    return numbers


def finite(values: pd.Series) -> Mask:
    """Whether the figure is readable and finite in the source, or null."""
    is_finite: Mask = _numbers(values) != NOT_FINITE
    return is_finite


@_condition
def is_selected(rows: pd.DataFrame, column: str) -> Mask:
    return _flag(rows[column])


@_condition
def is_possible(rows: pd.DataFrame, *columns: str) -> Mask:
    """All flags are set."""
    return _every(rows, columns, _flag)


@_condition
def is_recorded(rows: pd.DataFrame, *columns: str) -> Mask:
    """All flags are set: something is recorded of each."""
    return _every(rows, columns, _flag)


@_condition
def is_cleared(rows: pd.DataFrame, column: str) -> Mask:
    return ~_flag(rows[column])


@_condition
def is_filled(rows: pd.DataFrame, *columns: str) -> Mask:
    """No column is blank."""
    return _every(rows, columns, lambda values: ~blank(values))


@_condition
def is_absent(rows: pd.DataFrame, column: str) -> Mask:
    return ~_present(rows[column])


@_condition
def is_not(rows: pd.DataFrame, column: str, value: str) -> Mask:
    """The word of a fact is another one."""
    other: Mask = (rows[column] != value).to_numpy(dtype=bool)
    return other


@_condition
def is_none_of(rows: pd.DataFrame, column: str, values: Sequence[str]) -> Mask:
    """The label, trimmed and in any case, is none of ``values`` (given in lower case)."""
    labels = rows[column].astype("str").str.strip().str.lower()
    outside: Mask = ~labels.isin(values).to_numpy(dtype=bool)
    return outside


@_condition
def is_within_dates(rows: pd.DataFrame, column: str, earliest: str, latest: str) -> Mask:
    """There is a date, and it lies between the two, both included."""
    dates = rows[column]
    if not pd.api.types.is_datetime64_dtype(dates.dtype):
        return np.zeros(len(rows), dtype=bool)
    after_last = pd.Timestamp(latest) + pd.Timedelta(days=1)
    held: Mask = ((dates >= pd.Timestamp(earliest)) & (dates < after_last)).to_numpy(dtype=bool)
    return held


@_condition
def is_amount(rows: pd.DataFrame, *columns: str, signed: Sequence[str] = ()) -> Mask:
    """Every figure that is there is finite and, unless named in ``signed``, not negative."""
    return _every(rows, columns, lambda values: finite(values) if values.name in signed else _numbers(values) >= 0)


@_condition
def is_not_negative(rows: pd.DataFrame, *columns: str) -> Mask:
    """No figure is below 0; ACC-MONEY finds those that are not finite."""
    return _every(rows, columns, lambda values: ~finite(values) | (_numbers(values) >= 0))


@_condition
def is_name(rows: pd.DataFrame, *columns: str) -> Mask:
    """Blank, or with a letter and without the character that stands for one that was lost."""
    return _every(rows, columns, lambda values: blank(values) | _is_legible(values))


def _is_legible(values: pd.Series) -> Mask:
    texts = values.astype("str")
    legible: Mask = (texts.str.contains(r"\pL", na=False) & ~texts.str.contains(LOST, regex=False, na=False)).to_numpy()
    return legible


@_condition
def is_known(rows: pd.DataFrame, *columns: str) -> Mask:
    """Every figure is there and finite."""
    return _every(rows, columns, lambda values: _present(values) & finite(values))


@_condition
def is_any_recorded(rows: pd.DataFrame, *columns: str) -> Mask:
    """At least one of the figures is there; 0 is a value."""
    return ~_every(rows, columns, lambda values: ~_present(values))


@_condition
def is_each_recorded(rows: pd.DataFrame, *columns: str) -> Mask:
    """Every figure is there; 0 is a value."""
    return _every(rows, columns, _present)


@_condition
def is_within(rows: pd.DataFrame, column: str, lowest: int, highest: int) -> Mask:
    """The scaled figure lies between the two, both included; a null passes (another rule asks for it)."""
    numbers = _numbers(rows[column])
    held: Mask = ~_present(rows[column]) | ((numbers >= lowest) & (numbers <= highest))
    return held


@_condition
def is_at_most(rows: pd.DataFrame, column: str, highest: int) -> Mask:
    """The count is no higher."""
    held: Mask = _numbers(rows[column]) <= highest
    return held


@_condition
def is_not_zero(rows: pd.DataFrame, *columns: str) -> Mask:
    return _every(rows, columns, lambda values: ~_present(values) | (_numbers(values) != 0))


@_condition
def is_e_mail(rows: pd.DataFrame, column: str) -> Mask:
    """Blank, or two parts without blanks around one ``@``."""
    addresses = rows[column].astype("str")
    held: Mask = addresses.str.fullmatch(E_MAIL, na=True).to_numpy(dtype=bool)
    return held | blank(rows[column])


@_condition
def spouse_is_recorded(rows: pd.DataFrame, married: str, candidates: str, gone: str) -> Mask:
    """A client who counts as married has a spouse candidate, living, deceased or deleted."""
    return ~_flag(rows[married]) | (_numbers(rows[candidates]) > 0) | (_numbers(rows[gone]) > 0)


@_condition
def spouse_is_unambiguous(rows: pd.DataFrame, candidates: str, is_client: str) -> Mask:
    held: Mask = (_numbers(rows[candidates]) <= 1) & ~_flag(rows[is_client])
    return held


@_condition
def spouse_is_living(rows: pd.DataFrame, candidates: str, gone: str, is_client: str) -> Mask:
    """At least one spouse candidate is living. Where the client is a candidate, HH-SPOUSE-AMBIGUOUS decides."""
    held: Mask = (_numbers(rows[candidates]) > 0) | (_numbers(rows[gone]) == 0) | _flag(rows[is_client])
    return held


@_condition
def status_goes_with_spouse(
    rows: pd.DataFrame, marital_status: str, candidates: str, is_client: str, client_deceased: str
) -> Mask:
    """A client with a living spouse candidate other than the client has a marital status."""
    itself = _flag(rows[is_client]) & ~_flag(rows[client_deceased])
    held: Mask = (_numbers(rows[candidates]) - itself <= 0) | ~blank(rows[marital_status])
    return held


@_condition
def net_value_adds_up(rows: pd.DataFrame, net: str, value: str, loan: str, tolerance: int) -> Mask:
    """Net = value less loan within ``tolerance`` cents; nothing is asked where net or value is not recorded."""
    asked = _present(rows[net]) & _present(rows[value])
    for column in (net, value, loan):
        asked &= finite(rows[column])  # ACC-MONEY finds these
    difference = _numbers(rows[value]) - _numbers(rows[loan]) - _numbers(rows[net])
    held: Mask = ~asked | (np.abs(difference) <= tolerance)
    return held


@_condition
def annuity_has_positions(rows: pd.DataFrame, is_variable_annuity: str, position_count: str) -> Mask:
    return ~_flag(rows[is_variable_annuity]) | (_numbers(rows[position_count]) > 0)


@_condition
def period_is_readable(rows: pd.DataFrame, period: str, is_readable: str) -> Mask:
    return blank(rows[period]) | _flag(rows[is_readable])


@_condition
def original_loan_is_meant(rows: pd.DataFrame, calculate: str, has_current_figures: str) -> Mask:
    """Calculate is selected, or no current figure is filled in."""
    return _flag(rows[calculate]) | ~_flag(rows[has_current_figures])
