"""One ticket with everything around it."""
