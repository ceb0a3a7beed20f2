"""Choosing a ticket's agent: who may get it, under which locks, and the evidence of the choice."""
