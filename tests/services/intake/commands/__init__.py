"""What intake learns of tickets and people from events."""
