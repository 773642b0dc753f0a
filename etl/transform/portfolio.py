"""What the people of a vendor's units own: accounts with positions, liabilities and policies, each with its fate."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from etl.transform.arrays import Flags, Frames, Ints, Objects, integers
from etl.transform.rules.accounts import accounts_of, categories, positions_of, twin_policies
from etl.transform.rules.households import Households
from etl.transform.rules.liabilities import Figures, figures, liabilities_of
from etl.transform.rules.licenses import RunAs
from etl.transform.rules.policies import beneficiaries_of, is_one_of_kinds, policies_of
from etl.values import INSURANCE_POLICY_KINDS, Vendor


@dataclass(frozen=True)
class Portfolio:
    """``accounts``, ``liabilities`` and ``policies`` list everybody's records, with rule_id: why one does not go.

    Of accounts and policies is_withheld says which ones would go with the licenses.
    """

    households: Households
    frames: Frames
    as_of: dt.date
    accounts: pd.DataFrame
    liabilities: pd.DataFrame
    policies: pd.DataFrame

    @cached_property
    def sent_accounts(self) -> pd.DataFrame:
        return going(self.accounts, self.frames["accounts"])

    @cached_property
    def categories(self) -> tuple[Objects, Objects]:
        """The category of each account that goes, and where it is from."""
        return categories(self.sent_accounts)

    @cached_property
    def sent_positions(self) -> pd.DataFrame:
        """All positions of an account that goes, as its holdings."""
        return positions_of(self.sent_accounts, self.frames["positions"])

    @cached_property
    def sent_liabilities(self) -> pd.DataFrame:
        return going(self.liabilities, self.frames["liabilities"])

    @cached_property
    def sent_policies(self) -> pd.DataFrame:
        """Annuities included; also those that the gate holds because they have no product."""
        return going(self.policies, self.frames["policies"])

    @cached_property
    def insurance(self) -> pd.DataFrame:
        """The policies that Profiles takes as insurance policies."""
        return self._policies_of(INSURANCE_POLICY_KINDS)

    @cached_property
    def annuities(self) -> pd.DataFrame:
        return self._policies_of(frozenset({"annuity"}))

    def _policies_of(self, kinds: frozenset[str]) -> pd.DataFrame:
        is_kind: Flags = is_one_of_kinds(self.sent_policies["kind"].to_numpy(), kinds)
        return self.sent_policies[is_kind].reset_index(drop=True)

    @cached_property
    def figures(self) -> Figures:
        return figures(self.sent_liabilities, self.as_of)

    @cached_property
    def beneficiaries(self) -> pd.DataFrame:
        """The beneficiaries of the insurance policies that go to Profiles."""
        return beneficiaries_of(self.households, self.insurance, self.frames)

    @cached_property
    def twins(self) -> Ints:
        return twin_policies(self.sent_accounts, self.sent_policies)


def going(found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the records that go, with what was found out about each."""
    goes = found[found["rule_id"].isna().to_numpy()]
    taken = rows.take(integers(goes["row_at"])).reset_index(drop=True)
    found_out = goes.columns.difference(["row_at", "rule_id", "is_withheld"])
    return taken.assign(**{name: goes[name].to_numpy() for name in found_out})


def gather(households: Households, frames: Frames, as_of: dt.date, vendor: Vendor, run_as: RunAs) -> Portfolio:
    """Everybody's records for one vendor."""
    return Portfolio(
        households,
        frames,
        as_of,
        accounts_of(households, frames, vendor, run_as.may_send_investments),
        liabilities_of(households, frames),
        policies_of(households, frames, vendor, run_as.may_send_policies),
    )
