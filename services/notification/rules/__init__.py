"""Notification rules: who is told of which event, by which channel."""
