"""The pipes, on real PostgreSQL and NATS."""
