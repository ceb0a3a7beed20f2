"""The demonstration's own judgement: what it would send, and what it would not let pass."""
