"""How a unit can end at a vendor, and the codes by which an outcome says why.

A code is the ids of the rules that decided the outcome, joined by commas (``POL-TYPE,LIA-NAME``), or one of `CHOICES`.
Reasons in words are for people alone.
"""

# The run has sent something.
WRITTEN = ("created", "updated")
# The vendor has it all.
DONE = (*WRITTEN, "unchanged")
# A unit that ended so comes back with the next run, whether its data changed or not (SCP-4).
NOT_SENT = ("held", "deferred", "failed", "skipped")
OUTCOMES = (*DONE, *NOT_SENT)

# The unit waits for a person's choice, which no later run makes: from Profiles' Search list, or as an answer to the
# required action that nobody gave.
UNCHOSEN, UNANSWERED = "unchosen", "unanswered"
CHOICES = (UNCHOSEN, UNANSWERED)
