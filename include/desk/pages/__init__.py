"""One router for each group of pages: who asks, a query, a template."""
