"""Routing rules: what they do, and how they are tried beforehand."""
