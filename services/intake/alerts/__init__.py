"""Alerts of monitoring systems: one ticket per alert, which recovers and fires again with it."""
