"""The link from a run's last task to the run's page on the stewards' desk."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class RunPage(BaseOperatorLink):
    """The button on the last task of each run; Airflow stores the address when the task has ended."""

    name = "Run on the desk"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address of the run's page."""
        return desk_path("runs", ti_key.run_id)


def desk_path(*parts: str) -> str:
    """The address of a page of the desk, below that of Airflow's web UI."""
    from airflow.sdk.configuration import conf

    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return "/".join([f"{base}/desk", *(quote(part, safe="") for part in parts)])
