"""`make chaos`: one real stack under mixed load and a seeded plan of faults, then invariants over what it holds."""
