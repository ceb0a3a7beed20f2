"""A ticket's page and what it says."""
