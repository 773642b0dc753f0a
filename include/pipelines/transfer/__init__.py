"""Moving contacts to another office, stage by stage: check and plan, accept, move, report; return and cancel.

`tasks` is where Airflow meets it; `request` reads the form; `plan` checks and writes the manifest; `accept` asks the
receiving user; `move` imports; `report` closes the run; `commands` is what a person types.
"""
