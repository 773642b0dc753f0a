"""LIC-ACTING: who triggers a run by hand, and in whose name it goes.

Whoever triggers a run acts as the CRM's user of that name. Another user's name takes a right of its own. A task knows
who triggered its run, but neither that user's roles nor anything else of the auth manager: so the right is a setting.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from etl.errors import ParamsError

# Whoever has the machine's command line has the connections, too, and may name anyone.
COMMAND_LINE = "the command line"
RIGHT = "PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS"


@dataclass(frozen=True)
class Actor:
    """Who triggered a run: ``name`` as Airflow knows it, `COMMAND_LINE`, or None for the schedule."""

    name: str | None
    may_act_for_others: bool = False

    @classmethod
    def of(cls, name: str | None, may_act: Collection[str]) -> Actor:
        """The actor of that name; ``may_act``: the Airflow users who may act for others."""
        return cls(name, name == COMMAND_LINE or name in may_act)

    def in_the_name_of(self, user_name: str | None) -> str | None:
        """The CRM user for whom a run by hand goes; None where the command line names nobody.

        Raises `ParamsError` where it is somebody else than the actor, who has no right to that.
        """
        if self.name is None:
            raise ParamsError("Airflow does not say who triggered the run: nobody's licenses and rights can count.")
        if user_name is None:
            return None if self.name == COMMAND_LINE else self.name
        if user_name != self.name and not self.may_act_for_others:
            from expectations.rules import rule

            way_out = rule("LIC-ACTING").remedy
            raise ParamsError(f"requested_by: {self.name} may not act for {user_name} (LIC-ACTING). {way_out}")
        return user_name


def is_unknown(name: str) -> str:
    """The words for an acting user whom the CRM does not know."""
    return (
        f"{name} has triggered the run and is no user of the CRM (LIC-ACTING). Name one in requested_by; for that "
        f"{name} has to be in {RIGHT}."
    )
