"""A small organisation to begin with, so that a fresh installation can be used at once."""

from services.assignment.seed.plant import seed

__all__ = ["seed"]
