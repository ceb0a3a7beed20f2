"""How far a scope reaches: every route of the API about a ticket, on tickets within reach and out of it."""
