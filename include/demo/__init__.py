"""The demo office: an invented agency's CRM, of any size, the same for the same seed, with a list of who breaks which rule."""

from include.demo.build import SEED, TODAY, Summary, build_office
from include.demo.database import DemoError

__all__ = ["SEED", "TODAY", "DemoError", "Summary", "build_office"]
