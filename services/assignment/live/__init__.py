"""Live updates for agents: ticket changes as server-sent events."""
