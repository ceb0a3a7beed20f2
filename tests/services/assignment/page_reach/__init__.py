"""How far a scope reaches: every page about a ticket, on tickets within reach and out of it."""
