"""How a change of a ticket reaches its workflow: stored first, sent, recovered, recorded."""
