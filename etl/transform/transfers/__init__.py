"""Plans a transfer: what moves, what stays and why (rules XFR-*). Pure functions of whole frames.

    plan(selection, rows, around, target, known) -> TransferPlan

The frames are those of `etl.extract.transfer`; `etl.transform.transfers.rows` makes the target's rows of a plan.
"""

from etl.transform.transfers.contract import NOTHING_KNOWN, Selection, TransferPlan
from etl.transform.transfers.planning import plan

__all__ = ["NOTHING_KNOWN", "Selection", "TransferPlan", "plan"]
