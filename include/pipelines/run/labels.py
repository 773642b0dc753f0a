"""The value tables by which the extract knows spouses (HH-SPOUSE-ROLE, HH-SPOUSE-RELATION)."""

from __future__ import annotations

import pandas as pd

from etl.extract.contact_units import Labels
from etl.transform.arrays import is_one_of
from etl.values import FAMILY_RELATION_TYPES, SPOUSE_ROLES

LABELS = Labels(
    is_spouse=lambda labels: pd.Series(is_one_of(labels, SPOUSE_ROLES), labels.index),
    is_family=lambda labels: pd.Series(is_one_of(labels, FAMILY_RELATION_TYPES), labels.index),
)
