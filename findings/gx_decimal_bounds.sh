#!/usr/bin/env bash
# Great Expectations turns the bound of a check into a float: an exact amount that equals the bound fails the check.
#
# Seen with Great Expectations 1.24.1 and pandas 3.1.1: ExpectColumnValuesToBeBetween(min_value=Decimal("0.10")) keeps
# 0.1, a float a little above a tenth. The amount Decimal("0.10") is below it, and is reported as unexpected.
# ExpectColumnMinToBeBetween does the same. A whole number above 2 ** 53 is rounded as well: max_value=2 ** 53 + 1
# is kept as 2.0 ** 53.
# ExpectColumnValuesToBeInSet keeps decimals and whole numbers as they are.
# Money and keys of 64 bits are better compared beforehand, and the check given a column of true and false.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check great-expectations==1.24.1 pandas==3.1.1
cat >"$folder/seen.py" <<'PYTHON'
import logging
from decimal import Decimal

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

logging.disable(logging.CRITICAL)
frame = pd.DataFrame({"amount": [Decimal("0.10"), Decimal("0.30")], "key": [2**53 + 1, 2**53 + 1]})
source = gx.get_context(mode="ephemeral").data_sources.add_pandas("pandas")
whole = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")
batch = whole.get_batch(batch_parameters={"dataframe": frame})


def ask(check):
    answer = batch.validate(check, result_format="COMPLETE")
    print(f"{type(check).__name__}: success={answer.success}, unexpected={answer.result.get('unexpected_list')}")
    return answer


bound = gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=Decimal("0.10"))
print("the bound that was kept:", repr(bound.min_value))
assert type(bound.min_value) is float, "the behaviour has changed: the bound stays a decimal"
answer = ask(bound)
assert answer.result["unexpected_list"] == [Decimal("0.10")], "the behaviour has changed"
assert not ask(gxe.ExpectColumnMinToBeBetween(column="amount", min_value=Decimal("0.10"))).success
largest = gxe.ExpectColumnMaxToBeBetween(column="key", max_value=2**53 + 1)
print("the bound that was kept:", repr(largest.max_value))
assert largest.max_value == 2.0**53, "the behaviour has changed: the bound stays a whole number"
assert ask(gxe.ExpectColumnValuesToBeInSet(column="amount", value_set=[Decimal("0.10"), Decimal("0.30")])).success
print("As described.")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null
