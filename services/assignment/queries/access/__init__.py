"""Who asks, and which tickets that covers."""
