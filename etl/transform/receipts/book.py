"""The receipt book: blocks of equal receipts, written as arrays and put together once."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from etl.transform.arrays import NULL, Flags, Ints
from etl.transform.households import Households

WHOLE_RECORD = "*"
# One of a policy's beneficiaries; the contact's id follows.
BENEFICIARY = "beneficiary contact:"


@dataclass
class ReceiptBook:
    """Collects receipts; ``add`` takes the units and ids of many records at once."""

    households: Households
    _unit_no: list[Ints] = field(default_factory=list)
    _entity_id: list[Ints] = field(default_factory=list)
    _of: list[Ints] = field(default_factory=list)
    _labels: list[tuple[str, str, str]] = field(default_factory=list)

    def add(
        self,
        entity: str,
        name: str,
        rule_id: str,
        unit_no: Ints,
        entity_id: Ints,
        flagged: Flags,
        of: Ints | None = None,
    ) -> None:
        """One receipt for each flagged record; ``name`` is the field, or `WHOLE_RECORD`, with ids ``of`` behind it."""
        at = np.flatnonzero(flagged)
        if len(at):
            self._unit_no.append(unit_no[at])
            self._entity_id.append(entity_id[at])
            self._labels.append((entity, name, rule_id))
            self._of.append(np.full(len(at), NULL) if of is None else of[at])

    def add_records(self, entity: str, unit_no: Ints, entity_id: Ints, rule_id: "pd.Series[str]") -> None:
        """A receipt for the whole of each record that has a rule (a categorical column)."""
        codes = rule_id.cat.codes.to_numpy()
        for code, rule in enumerate(rule_id.cat.categories):
            self.add(entity, WHOLE_RECORD, rule, unit_no, entity_id, codes == code)

    def frame(self) -> pd.DataFrame:
        """unit_key, entity, entity_id, field, rule_id."""
        sizes = [len(block) for block in self._unit_no]
        none = np.zeros(0, dtype=np.int64)
        block_no = np.repeat(np.arange(len(sizes)), sizes)
        entities, names, rules = zip(*self._labels, strict=True) if self._labels else ((), (), ())
        return pd.DataFrame(
            {
                "unit_key": self.households.keys_of(np.concatenate([none, *self._unit_no])),
                "entity": pd.array(entities, dtype="str").take(block_no),
                "entity_id": np.concatenate([none, *self._entity_id]),
                "field": self._fields(pd.Series(names, dtype="str").take(block_no)),
                "rule_id": pd.array(rules, dtype="str").take(block_no),
            }
        )

    def _fields(self, names: "pd.Series[str]") -> "pd.Series[str]":
        of = np.concatenate([np.zeros(0, dtype=np.int64), *self._of])
        numbered = np.flatnonzero(of != NULL)
        if not len(numbered):
            return names.reset_index(drop=True)
        written = names.to_numpy(dtype=object)
        for at in numbered:
            written[at] = f"{written[at]}{of[at]}"
        return pd.Series(written, dtype="str")
