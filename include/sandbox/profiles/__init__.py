"""The sandbox of Profiles: households, cases and their documents, as a service of its own."""
