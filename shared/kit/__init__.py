"""Pipes: settings, database, bus, outbox, HTTP and everything else that touches the world."""
