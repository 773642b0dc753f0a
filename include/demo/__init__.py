"""The demo office: an invented agency's CRM of any size, the same for a seed, and who breaks which rule in it."""

from include.demo.build import SEED, TODAY, Summary, build_office
from include.demo.changes import change_office
from include.demo.database import DemoError

__all__ = ["SEED", "TODAY", "DemoError", "Summary", "build_office", "change_office"]
