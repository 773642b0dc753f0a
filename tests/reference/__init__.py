"""The rule book once more: slow, plain, one household at a time, so that the vectorised transform has a counterpart."""
