"""The stewards' desk: pages inside Airflow's web UI, made on the server, over the ledger and the CRM.

Enter by `app` for the application, `security` for who may see it, `kit` for how a page is made.
"""
