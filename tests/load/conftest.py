"""Both vendors for all tests of the load: started once, emptied for each test."""

from tests.load.delivering import desk
from tests.run_book import book, running_vendors, vendors

__all__ = ["book", "desk", "running_vendors", "vendors"]
