"""Background assignment: unassigned tickets, offers, and tickets whose agent is absent; any replica may run it."""
