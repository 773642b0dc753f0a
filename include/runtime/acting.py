"""LIC-ACTING: the user who triggers a run by hand, and the user in whose name the run goes.

An Airflow user acts as the CRM user of the same name. Acting for another CRM user takes a right. A task knows the name
of the user who triggered its run and nothing else of the auth manager, so the right is a setting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from etl.errors import ParamsError
from include.runtime.fields import named

# A person at the command line has the connections, too, and may act for every user.
COMMAND_LINE = "the command line"
RIGHT = "PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS"


@dataclass(frozen=True)
class Actor:
    """The user who triggered a run: ``name`` in Airflow, `COMMAND_LINE`, or None for the schedule."""

    name: str | None
    may_act_for_others: bool = False

    @classmethod
    def of(cls, name: str | None, may_act: Collection[str]) -> Actor:
        """The actor of that name; ``may_act``: the Airflow users who may act for others."""
        return cls(name, name == COMMAND_LINE or name in may_act)

    def in_the_name_of(self, user_name: str | None) -> str | None:
        """The CRM user in whose name a run by hand goes; None where the command line names no user.

        Raises `ParamsError` for another user than the actor, where the actor has no right to act for others.
        """
        if self.name is None:
            raise ParamsError("Airflow does not say who triggered the run: nobody's licenses and rights can count.")
        if user_name is None:
            return None if self.name == COMMAND_LINE else self.name
        if user_name != self.name and not self.may_act_for_others:
            from expectations.rules import rule

            way_out = rule("LIC-ACTING").remedy
            raise ParamsError(
                f"{named('requested_by')}: {self.name} may not act for {user_name} (LIC-ACTING). {way_out}"
            )
        return user_name


@dataclass(frozen=True)
class Triggered:
    """A run as Airflow has it.

    ``params``: those that its DAG declares; ``day``: by the office's clock; ``at``: when it was triggered.
    """

    run_id: str
    dag_id: str
    params: Mapping[str, Any]
    conf: Mapping[str, Any]
    day: date
    at: datetime
    actor: Actor
    is_scheduled: bool = False


def is_unknown(name: str) -> str:
    """The message about an acting user who is no user of the CRM."""
    return (
        f"{name} has triggered the run and is no user of the CRM (LIC-ACTING). Name one in {named('requested_by')}; "
        f"for that {name} has to be in {RIGHT}."
    )
