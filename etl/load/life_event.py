"""What happened to a couple since it was last sent (LIFE-EVENT). Pure.

========== ====================================================================================================
divorce    the spouse last sent is not the spouse any more, and nobody is
widowhood  the spouse last sent has died, and nobody is the spouse
new_spouse somebody else is the spouse
new_head   somebody else is the head; the head last sent lives
head_died  the head last sent has died, and any person may be the head now
========== ====================================================================================================
A spouse who was added is no such event: that goes by itself.
"""

from collections.abc import Collection

from etl.load.ledger.life_events import LifeEvent


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
