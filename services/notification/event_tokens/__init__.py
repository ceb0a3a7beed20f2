"""Tokens of programs that read the change feed or keep webhooks."""
