"""Choosing a ticket's agent: eligible agents, locks, the decision and its evidence."""
