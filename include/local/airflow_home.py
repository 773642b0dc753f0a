"""Airflow's home inside the installation: its configuration, its database, the environment to call it with.

The user's ``~/airflow`` and the ``AIRFLOW_*`` variables of the shell are left alone: the programs started here see
none of them.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from etl.files import write_whole
from include import ROOT
from include.local.installation import Refused
from include.local.processes import python

CONFIGURATION = """\
# Written by Planbridge at each start; changes are lost. Readable by its owner only: it holds secrets.
[core]
executor = LocalExecutor
parallelism = 4
load_examples = False
dags_are_paused_at_creation = False
auth_manager = airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager
simple_auth_manager_users = {users}
simple_auth_manager_passwords_file = {home}/passwords.json
plugins_folder = {root}/include/plugins
dags_folder = {root}/dags
execution_api_server_url = http://127.0.0.1:{port}/execution/
fernet_key = {fernet}

[dag_processor]
# The root of the bundle is the repository's root, so that DAGs can import etl, expectations and include;
# .airflowignore keeps everything but dags/ out.
dag_bundle_config_list = {bundles}
refresh_interval = 30
min_file_process_interval = 30

[database]
# One writer at a time: while many runs begin at once, the others have to wait, not to fail.
sql_alchemy_conn = sqlite:///{home}/airflow.db?timeout=60

[logging]
base_log_folder = {home}/logs
dag_processor_child_process_log_directory = {home}/logs/dag_processor
logging_level = INFO

[api]
host = 127.0.0.1
port = {port}
base_url = http://127.0.0.1:{port}
workers = 1
secret_key = {session}

[api_auth]
jwt_secret = {jwt}
jwt_issuer = planbridge

[triggerer]
default_capacity = 100
"""


def write(home: Path, secrets: dict[str, str], port: int = 8080, users: Sequence[str] = ()) -> None:
    """Write Airflow's configuration and the passwords into its home: the administrator's, and one for all users.

    ``users`` are users of the CRM: by the same name they may trigger runs and answer what they are asked.
    """
    home.mkdir(parents=True, exist_ok=True)
    bundle = {
        "name": "planbridge",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(ROOT)},
    }
    text = CONFIGURATION.format(
        home=home,
        root=ROOT,
        port=port,
        users=", ".join(["admin:admin", *(f"{user}:user" for user in users)]),
        bundles=json.dumps([bundle]),
        fernet=urlsafe_b64encode(sha256(secrets["session"].encode()).digest()).decode(),
        session=secrets["session"],
        jwt=secrets["jwt"],
    )
    write_whole(home / "airflow.cfg", text.encode())
    passwords = {"admin": secrets["admin"]} | dict.fromkeys(users, secrets["users"])
    write_whole(home / "passwords.json", json.dumps(passwords).encode())


def environment(home: Path) -> dict[str, str]:
    """The variables for a program that uses this home: those of the shell without Airflow's, and a few more."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    return inherited | {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",  # of Airflow's libraries: no news for a user
        "GX_ANALYTICS_ENABLED": "false",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def command(*arguments: str) -> list[str]:
    """Airflow's command line, from the virtual environment that runs this program."""
    return python("airflow", *arguments)


def is_migrated(home: Path) -> bool:
    """Whether the database is there and has the tables of the installed version."""
    mark = home / "migrated"
    return mark.exists() and mark.read_text() == importlib.metadata.version("apache-airflow")


def migrate(home: Path, log: Path) -> None:
    """Make Airflow's tables. Raises Refused with the log's path."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        migration = command("db", "migrate")
        done = subprocess.run(
            migration, cwd=ROOT, env=environment(home), stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        raise Refused(f"Airflow's database could not be made; see {log}. `make clean` starts over.")
    write_whole(home / "migrated", importlib.metadata.version("apache-airflow").encode())
