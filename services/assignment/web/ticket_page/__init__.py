"""The parts of a ticket's page, each in a module of its own."""
