"""Choosing agents."""
