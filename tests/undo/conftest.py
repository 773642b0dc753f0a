"""The sandboxes and a small book."""

from tests.run_book import book, running_vendors, vendors

__all__ = ["book", "running_vendors", "vendors"]
