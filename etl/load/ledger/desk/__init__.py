"""What the stewards' desk keeps and asks: work items, the work on them, the audit. `include/desk` shows it."""
