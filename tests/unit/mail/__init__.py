"""Reading mail."""
