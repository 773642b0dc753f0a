"""The stages of the runs. Only the modules named `tasks` and `accept` know Airflow."""
