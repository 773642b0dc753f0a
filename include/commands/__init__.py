"""What a person types: ``planbridge``. Enter by `cli`."""
