"""The proof: every package here tests one promise of the system."""
