"""Rules: pure functions and values, without a clock and without I/O."""
