"""What the process has loaded that the benchmarks' workers are forks of: the same as Airflow's scheduler."""

import os

from tests.benchmarks.harness import FOLDER

# Airflow looks for its home when it is imported.
os.environ.setdefault("AIRFLOW_HOME", str(FOLDER / "airflow"))

from include.plugins.warm_workers import load_libraries

load_libraries()
