"""The columns of facts: what a frame's column may hold."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "whole", "flag", "date"]


@dataclass(frozen=True)
class Column:
    """``required``: a null here means that the frame is broken, not that a steward has something to mend."""

    kind: Kind
    required: bool = False
    values: tuple[str, ...] = ()


KEY = Column("text", required=True)
NUMBER = Column("whole", required=True)
FLAG = Column("flag", required=True)
TEXT = Column("text")
WHOLE = Column("whole")
