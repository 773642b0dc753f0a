"""The stages of a run, in the order in which they happen: `plan`, `transform`, `validate`, `load`, `report`.

One household by hand and the whole book on a weeknight go through the same functions; only the scope differs. These
functions do not know Airflow: `include.pipelines.refresh.tasks` calls them with a `RunContext`.
"""
