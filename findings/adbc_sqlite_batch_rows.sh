#!/usr/bin/env bash
# The SQLite driver of ADBC pays for the size of its batches, not for the rows that there are.
#
# Seen with adbc-driver-sqlite and adbc-driver-manager as pinned below: a statement that gives ten rows takes several
# times as much CPU with adbc.sqlite.query.batch_rows at ten million as at the default of 1,024. The option is a bound,
# and reads like one; its room is prepared for each column all the same. A large bound is tempting because the driver
# takes the types of columns from the first batch alone. Who asks many small questions sets it by the rows expected.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 \
    adbc-driver-sqlite==1.13.0 adbc-driver-manager==1.13.0
cat >"$folder/seen.py" <<'PYTHON'
import importlib.metadata
import sys
import time

from adbc_driver_sqlite import dbapi

with dbapi.connect(f"{sys.argv[1]}/office.db") as connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE account (account_id INTEGER PRIMARY KEY, name TEXT, value NUMERIC(18,2), opened TEXT)")
    cursor.execute("INSERT INTO account WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) "
                   "SELECT i, 'Account ' || i, i * 1.25, '2026-01-01' FROM n")
    connection.commit()


def seconds(rows):
    with dbapi.connect(f"{sys.argv[1]}/office.db") as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": rows})
        best = float("inf")
        for _ in range(5):
            began = time.process_time()
            for _ in range(200):
                cursor.execute("SELECT * FROM account")
                assert cursor.fetch_arrow_table().num_rows == 10
            best = min(best, (time.process_time() - began) / 200)
        return best


small, large = seconds(1_024), seconds(10_000_000)
version = importlib.metadata.version("adbc-driver-sqlite")
print(f"adbc-driver-sqlite {version}: {small * 1e6:.0f} and {large * 1e6:.0f} microseconds of CPU, {large / small:.1f} x")
assert large / small > 2, "the behaviour has changed"
print("As described.")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" "$folder"
