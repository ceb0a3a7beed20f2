"""The change feed: every event that programs may read, in one order, kept for a while."""
