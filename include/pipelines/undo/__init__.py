"""``make undo RUN=… [UNIT=…]``: takes back what a run wrote into Profiles' cases, where nobody was at it since."""
