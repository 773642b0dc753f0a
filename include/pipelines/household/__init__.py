"""A run by hand: one household to one vendor, as a batch of one through the weeknight run's own stages."""
