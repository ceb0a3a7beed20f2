"""Routing rules, pure: what their conditions hold for, and what comes of them in order."""
