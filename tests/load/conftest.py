"""What all tests of the load deliver with."""

from tests.load.delivering import desk

__all__ = ["desk"]
