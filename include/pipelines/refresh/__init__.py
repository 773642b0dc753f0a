"""The stages of a run, in the order in which they happen: `plan`, `transform`, `validate`, `load`, `report`.

A household by hand and the whole book on a weeknight go through the same functions; only the scope differs. Nothing
here knows Airflow: `include.pipelines.refresh.tasks` calls these functions with a `RunContext`.
"""
