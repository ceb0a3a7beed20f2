"""Rules from an event to who is told what; no I/O."""
