"""The assignment service: routing, agents' work on tickets, administration, and SLA reports."""
