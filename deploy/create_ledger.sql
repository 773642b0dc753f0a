-- The ledger is a database of its own beside Airflow's: it is backed up, restored and upgraded alone.
CREATE DATABASE planbridge;
