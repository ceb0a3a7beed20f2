"""Reading: tickets, their messages, and announcements."""
