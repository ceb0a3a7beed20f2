"""A small organisation to begin with, so that a fresh installation can be used at once."""

from services.assignment.seed.write import seed

__all__ = ["seed"]
