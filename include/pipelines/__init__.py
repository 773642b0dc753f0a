"""The stages of the runs. Only `tasks` and the modules of required actions know Airflow."""
