"""What runs stand on: settings, connections, staging, forms, and the border between Airflow's tasks and our stages."""
