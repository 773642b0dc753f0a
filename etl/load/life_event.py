"""What happened to a couple since it was last sent (LIFE-EVENT). Pure.

========== ====================================================================================================
divorce    the spouse last sent is not the spouse any more, and nobody is
widowhood  the spouse last sent has died, and nobody is the spouse
new_spouse somebody else is the spouse
new_head   somebody else is the head; the head last sent lives
head_died  the head last sent has died, whoever is the head now
========== ====================================================================================================
A spouse who was added is no such event: that goes by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass

KINDS = ("divorce", "widowhood", "new_spouse", "new_head", "head_died")

DIVORCED, WIDOWED = "Divorced", "Widowed"


@dataclass(frozen=True)
class LifeEvent:
    """Contact ids of the couple last sent and of the couple now; whether those last sent have died."""

    kind: str
    client_sent: int
    spouse_sent: int | None
    client: int
    spouse: int | None
    client_died: bool = False
    spouse_died: bool = False

    @property
    def is_swap(self) -> bool:
        """The head last sent is the spouse now, of the spouse last sent or, where there was none, of anybody."""
        return self.spouse == self.client_sent and self.spouse_sent in (None, self.client)

    @property
    def has_parted(self) -> bool:
        """Whether the couple last sent is none any more, as far as this unit tells."""
        if self.spouse_sent is None or self.is_swap:
            return False
        return self.client == self.spouse_sent or (self.client == self.client_sent and self.spouse != self.spouse_sent)

    @property
    def parted(self) -> tuple[int, ...]:
        """Those last sent who live and are of the unit no longer."""
        sent = ((self.client_sent, self.client_died), (self.spouse_sent, self.spouse_died))
        now = (None, self.client, self.spouse)
        return tuple(one for one, died in sent if one is not None and one not in now and not died)

    @property
    def status_left(self) -> str:
        """EMY-MARRIED: what those who are left of the couple last sent are now."""
        return WIDOWED if self.client_died or self.spouse_died else DIVORCED


def find_event(
    sent: tuple[int | None, int | None],
    now: tuple[int | None, int | None],
    died: Collection[int],
    is_widowed: bool = False,
) -> LifeEvent | None:
    """The event between two couples (head, spouse), None where there is none or a head is not known.

    ``died``: contact ids; ``is_widowed``: the CRM calls the head so, which counts where nobody knows of the spouse.
    """
    client_sent, spouse_sent = sent
    client, spouse = now
    if client_sent is None or client is None:
        return None
    client_died, spouse_died = client_sent in died, spouse_sent is not None and spouse_sent in died
    if client_died:
        kind = "head_died"
    elif client != client_sent:
        kind = "new_head"
    elif spouse_sent is None or spouse == spouse_sent:
        return None
    elif spouse is not None:
        kind = "new_spouse"
    else:
        spouse_died = spouse_died or is_widowed
        kind = "widowhood" if spouse_died else "divorce"
    return LifeEvent(kind, client_sent, spouse_sent, client, spouse, client_died, spouse_died)
