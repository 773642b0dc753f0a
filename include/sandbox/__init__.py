"""Fakes of both vendors, each a service of its own with pages, faults and limits."""
