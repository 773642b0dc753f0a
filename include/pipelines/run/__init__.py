"""What every run has: its request and context, the vendors' clients, and what the stages stage for each other."""
