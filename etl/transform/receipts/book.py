"""The receipt book: blocks of equal receipts, written as arrays and put together once."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.transform.arrays import Flags, Ints
from etl.transform.documents import TEXT, joined
from etl.transform.rules.households import Households

WHOLE_RECORD = "*"
# One of a policy's beneficiaries; the contact's id follows.
BENEFICIARY = "beneficiary contact:"


@dataclass(frozen=True)
class _Block:
    """Receipts that differ only in unit and id (and in ``of``, an id behind the name of the field)."""

    entity: str
    name: str
    rule_id: str
    unit_no: Ints
    entity_id: Ints
    of: Ints | None


@dataclass(frozen=True)
class ReceiptBook:
    """Collects receipts; ``add`` takes the units and ids of many records at once."""

    households: Households
    _blocks: list[_Block] = field(default_factory=list)

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
            block = _Block(entity, name, rule_id, unit_no[at], entity_id[at], None if of is None else of[at])
            self._blocks.append(block)

    def add_records(self, entity: str, unit_no: Ints, entity_id: Ints, rule_id: "pd.Series[str]") -> None:
        """A receipt for the whole of each record that has a rule (a categorical column)."""
        codes = rule_id.cat.codes.to_numpy()
        for code, rule in enumerate(rule_id.cat.categories):
            self.add(entity, WHOLE_RECORD, rule, unit_no, entity_id, codes == code)

    def frame(self, only: frozenset[tuple[str, str]] | None = None) -> pd.DataFrame:
        """unit_key, entity, entity_id, field (``*``: the whole record), rule_id; ``only`` these entities and rules."""
        blocks = [block for block in self._blocks if only is None or (block.entity, block.rule_id) in only]
        sizes = [len(block.unit_no) for block in blocks]
        block_no = np.repeat(np.arange(len(blocks)), sizes)
        none = np.zeros(0, dtype=np.int64)
        return pd.DataFrame(
            {
                "unit_key": self.households.keys_of(np.concatenate([none, *(block.unit_no for block in blocks)])),
                "entity": _labels([block.entity for block in blocks]).take(block_no),
                "entity_id": np.concatenate([none, *(block.entity_id for block in blocks)]),
                "field": _fields(blocks, block_no),
                "rule_id": _labels([block.rule_id for block in blocks]).take(block_no),
            }
        )

    def counts(self) -> pd.DataFrame:
        """unit_key, receipts of every unit: how many there are of each rule and entity, as `counted` reads them."""
        kinds = list(dict.fromkeys(f"{block.rule_id} {block.entity}" for block in self._blocks))
        none = np.zeros(0, dtype=np.int64)
        kind_no = [np.full(len(b.unit_no), kinds.index(f"{b.rule_id} {b.entity}")) for b in self._blocks]
        unit_no = np.concatenate([none, *(block.unit_no for block in self._blocks)])
        # One number for each unit and kind; then one text for each kind and count.
        each, records = np.unique(unit_no * len(kinds) + np.concatenate([none, *kind_no]), return_counts=True)
        of_unit, of_kind = np.divmod(each, max(len(kinds), 1))
        most = int(records.max(initial=0)) + 1
        pairs, pair_no = np.unique(of_kind * most + records, return_inverse=True)
        texts = pa.array([f"{kinds[pair // most]} {pair % most}" for pair in pairs.tolist()], type=TEXT)
        units = len(self.households.units)
        receipts = joined(texts.take(pa.array(pair_no)), of_unit, units, ",")
        return pd.DataFrame(
            {"unit_key": self.households.keys_of(np.arange(units)), "receipts": pd.array(receipts, dtype="str")}
        )


def counted(receipts: str) -> list[tuple[str, str, int]]:
    """Rule, entity and number of the receipts of a unit, from the text of `ReceiptBook.counts`."""
    parts = (one.split(" ") for one in receipts.split(",") if one)
    return [(rule_id, entity, int(records)) for rule_id, entity, records in parts]


def _labels(values: list[str]) -> "pd.api.extensions.ExtensionArray":
    return pd.array(values, dtype="str")


def _fields(blocks: list[_Block], block_no: Ints) -> "pd.api.extensions.ExtensionArray":
    """The field of each receipt; where a block has ids, each of its rows has a name of its own."""
    names = [block.name for block in blocks]
    name_no = block_no.copy()
    for number, block in enumerate(blocks):
        if block.of is not None:
            name_no[block_no == number] = np.arange(len(names), len(names) + len(block.of))
            names += [f"{block.name}{one}" for one in block.of.tolist()]
    return _labels(names).take(name_no)
