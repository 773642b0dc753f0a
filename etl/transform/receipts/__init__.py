"""Receipts: every source value or record that does not go, and the rule by which it does not.

Sent + receipt = source: for each unit, each value of a column that goes to the vendor (`mapping.columns`) is either in
the document or has a receipt; a record that does not go at all has one for its whole (field ``*``).
"""

from etl.transform.arrays import Frames
from etl.transform.portfolio import Portfolio
from etl.transform.receipts.book import ReceiptBook
from etl.transform.receipts.people import add_people, add_reach
from etl.transform.receipts.records import add_accounts, add_liabilities, add_policies
from etl.transform.rules.contacts import Reach
from etl.transform.rules.households import Households
from etl.values import Vendor


def receipts_of(
    households: Households, reached: Reach, portfolio: Portfolio, frames: Frames, vendor: Vendor
) -> ReceiptBook:
    """The receipts of one vendor."""
    book = ReceiptBook(households)
    add_people(book, households, vendor)
    add_reach(book, households, reached, vendor)
    add_accounts(book, portfolio, vendor)
    add_policies(book, portfolio, frames, vendor)
    if vendor == "profiles":
        add_liabilities(book, portfolio)
    return book
