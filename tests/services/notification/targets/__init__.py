"""Chat rooms and on-call services."""
