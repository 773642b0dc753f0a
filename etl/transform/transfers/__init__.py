"""Moving contacts to another office: what moves, what stays and why (rules XFR-*). Pure; whole frames.

    plan(selection, rows, around, target, known) -> TransferPlan

reads what `etl.extract.transfer` read; `etl.transform.transfers.rows.rebuild` makes the target's rows of a plan.
"""

from etl.transform.transfers.contract import NOTHING_KNOWN, Selection, TransferPlan
from etl.transform.transfers.planning import plan

__all__ = ["NOTHING_KNOWN", "Selection", "TransferPlan", "plan"]
