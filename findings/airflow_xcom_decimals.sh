#!/usr/bin/env bash
# An exact amount that one Airflow task gives to the next comes out as another amount: XCom keeps a Decimal as a float.
#
# Seen with the Airflow task SDK 1.3.2 (Airflow 3.3.2): its serializer writes Decimal("1234567890123456.78") as a JSON
# number, and reads Decimal("1234567890123456.8"): twenty cents are gone, without a word. Decimal("0.10") comes back
# as Decimal("0.1"). A whole number of any length survives, so 123456789012345678 (cents) does.
# Inside a data frame the same amounts survive, for these go through Parquet. Amounts are better given as text or cents.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv" \
    apache-airflow-task-sdk==1.3.2 apache-airflow-core==3.3.2 pandas==3.1.1 pyarrow==26.0.1
cat >"$folder/seen.py" <<'PYTHON'
from decimal import Decimal

import pandas as pd
from airflow.sdk.serde import deserialize, serialize

amount = Decimal("1234567890123456.78")
for given in (amount, Decimal("0.10"), 123456789012345678):
    print(repr(given), "->", repr(deserialize(serialize(given))))
assert deserialize(serialize(amount)) == Decimal("1234567890123456.8"), "the behaviour has changed"
assert str(deserialize(serialize(Decimal("0.10")))) == "0.1", "the behaviour has changed"
assert deserialize(serialize(123456789012345678)) == 123456789012345678
kept = deserialize(serialize(pd.DataFrame({"amount": [amount]})))["amount"][0]
print("in a frame:", repr(kept))
assert kept == amount, "the behaviour has changed"
print("As described.")
PYTHON
AIRFLOW_HOME="$folder/airflow" "$folder/venv/bin/python" -W ignore "$folder/seen.py" 2>"$folder/errors" ||
    { tail -5 "$folder/errors"; exit 1; }
