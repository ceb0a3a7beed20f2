"""What keeps the doors open."""
