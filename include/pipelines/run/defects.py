"""Units over which a step broke, as the run tells them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from etl.defects import note_defect
from etl.narrowing import Narrowed


def name_defects(step: str, narrowed: Narrowed[str, Any]) -> pd.DataFrame:
    """unit_key, reason of the units that broke a step, each logged under the id that its reason gives.

    What came of several units together, and of none alone, is logged only: they went in parts.
    """
    if narrowed.error is not None and not narrowed.broken:
        note_defect(narrowed.error, step, "several units together, none of them alone")
    reasons = [note_defect(error, step, unit_key) for unit_key, error in narrowed.broken.items()]
    return pd.DataFrame({"unit_key": list(narrowed.broken), "reason": reasons}, dtype="str")
