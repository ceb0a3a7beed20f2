"""The whole system, started by its one command and driven over HTTP."""
