"""Moving contacts to another office: what moves, what stays and why (rules XFR-*). Pure; whole frames.

    plan(request, rows, around, target, known) -> Plan

reads what `etl.extract.transfer` read; `etl.transform.transfers.rows.build` makes the target's rows of a plan.
"""

from etl.transform.transfers.contract import NOTHING_KNOWN, Plan, Request
from etl.transform.transfers.planning import plan

__all__ = ["NOTHING_KNOWN", "Plan", "Request", "plan"]
