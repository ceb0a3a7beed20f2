"""Tickets that wait for an agent, or whose agent is not there: given out as room appears, by any replica."""
