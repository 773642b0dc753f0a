"""``make undo RUN=… [UNIT=…]``: reverts the writes of a run into Profiles' cases, unless they have changed since."""
