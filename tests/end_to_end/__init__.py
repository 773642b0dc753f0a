"""The project from outside: Airflow's command line, two vendors, one CRM, and what they say afterwards in plain SQL."""
