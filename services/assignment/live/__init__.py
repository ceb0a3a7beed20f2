"""What agents see change while they look: the changes of tickets, sent as they happen."""
