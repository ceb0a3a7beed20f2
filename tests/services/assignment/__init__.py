"""Assignment, tested through HTTP on real PostgreSQL, NATS and Temporal."""
