#!/usr/bin/env bash
# Arrow's replace by a pattern prepares the pattern anew at each call, and classes of Unicode make that dear.
#
# Seen with pyarrow 26.0.1: replace_substring_regex of two short texts with [^\pL\pN]+ takes over fifty times as long as
# with [^A-Za-z0-9]+, where both do next to nothing; over a hundred thousand texts in one call the two are of one order.
# So the price is one of each call, not of each text: who works shard by shard, or a household at a time, pays it each
# time. Who has texts of ASCII alone takes the short pattern; all others join their texts to one call.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cat >"$folder/seen.py" <<'PYTHON'
import time

import pyarrow as pa
import pyarrow.compute as pc

UNICODE, ASCII = r"[^\pL\pN]+", "[^A-Za-z0-9]+"


def seconds(texts, pattern, calls):
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(calls):
            pc.replace_substring_regex(texts, pattern=pattern, replacement="")
        best = min(best, (time.process_time() - began) / calls)
    return best


few, many = pa.array(["AB-12 3", "xy.9"]), pa.array(["AB-12 3", "xy.9"] * 50_000)
assert pc.replace_substring_regex(few, pattern=UNICODE, replacement="").to_pylist() == ["AB123", "xy9"]
small = seconds(few, UNICODE, 200) / seconds(few, ASCII, 200)
large = seconds(many, UNICODE, 1) / seconds(many, ASCII, 1)
print(f"pyarrow {pa.__version__}: two texts a call {small:.0f} x, 100,000 texts a call {large:.2f} x")
assert small > 10 and large < 4, "the behaviour has changed"
print("As described.")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py"
