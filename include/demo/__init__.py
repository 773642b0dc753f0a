"""The demo office: an invented agency's CRM of any size, the same for a seed, and the list of rules broken in it.

Its set `MOVING_SET` holds the clients of a retiring advisor of the main office, on their way to a branch
(`include.demo.moving`).
"""

from include.demo.build import SEED, TODAY, Summary, build_office
from include.demo.database import DemoError
from include.demo.office import MOVING_SET

__all__ = ["MOVING_SET", "SEED", "TODAY", "DemoError", "Summary", "build_office"]
