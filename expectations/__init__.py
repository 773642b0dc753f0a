"""The gate before the load: the table of rules, the suites made of it, and what a steward reads about the findings."""
