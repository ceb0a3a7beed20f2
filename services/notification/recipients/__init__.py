"""From a decision to ledger rows: each recipient, their channels, and what they may see."""
