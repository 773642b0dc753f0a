"""The field tables of the vendors' documents, and the fate of every column of the CRM."""
