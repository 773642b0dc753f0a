"""Both vendors for all tests of the stages: started once, emptied for each test."""

from tests.run_book import book, running_vendors, vendors

__all__ = ["book", "running_vendors", "vendors"]
