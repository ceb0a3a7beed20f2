"""The services: each owns one truth and its own database."""
