"""What stops a run: each step notes its reason in the ledger, and forgets it when a later try gets through."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.errors import VENDOR_NAMES

if TYPE_CHECKING:
    from include.runtime.context import Context

# The steps that were stopped by a mistake in what a person had given, as stages without tables under this folder.
MISTAKES = "mistakes"


@dataclass(frozen=True)
class Step:
    """One task's part of a run: ``extract``, ``transform 3``, ``validate emoney``, ``load_profiles 0``."""

    stage: str
    vendor: str | None = None
    shard: int | None = None

    @property
    def name(self) -> str:
        """The step in the ledger, in the log and in the report."""
        stage = f"load_{self.vendor}" if self.stage == "load" else self.stage
        vendor = [self.vendor] if self.vendor is not None and self.stage != "load" else []
        return " ".join([stage, *vendor, *([str(self.shard)] if self.shard is not None else [])])


@dataclass(frozen=True)
class Stop:
    """Why a step stopped the run; ``vendor``: the one whose part alone it stopped, where there is one.

    ``is_mistake``: what a person gave cannot be; ``is_lost``: the task was killed and could note nothing itself.
    """

    stage: str
    vendor: str | None
    why: str
    is_mistake: bool = False
    is_lost: bool = False

    @classmethod
    def of(cls, name: str, why: str, **more: bool) -> Stop:
        """The stop of a step, or of a task by its id: ``load_emoney``, ``validate_documents``."""
        words = re.split("[ _]", name)
        return cls(words[0], next((word for word in words if word in VENDOR_NAMES), None), why, **more)


def note_stop(context: Context[Any], step: Step, why: str, is_mistake: bool) -> None:
    """Notes why a step stopped the run. Raises `LedgerUnavailable`."""
    from etl.load.ledger import runs

    if is_mistake:
        context.staging.write(f"{MISTAKES}/{step.name}", {})
    runs.stop_run(context.ledger, context.request.run_id, step.name, why)


def forget_stop(context: Context[Any], step: Step) -> None:
    """The step is through: what stopped an earlier try of it stops nothing any more."""
    from etl.load.ledger import runs

    runs.forget_stop(context.ledger, context.request.run_id, step.name)


def read_stops(context: Context[Any], failed_tasks: Iterable[str]) -> list[Stop]:
    """What stopped the run, in the order in which it did; ``failed_tasks`` may have noted why, or not."""
    from etl.load.ledger import runs

    noted = runs.why_stopped(context.ledger, context.request.run_id)
    lost = "{} failed before the end; the log of the task shows why."
    return [
        *(Stop.of(name, why, is_mistake=context.staging.has(f"{MISTAKES}/{name}")) for name, why in noted.items()),
        *(Stop.of(name, lost.format(name), is_lost=True) for name in failed_tasks),
    ]
