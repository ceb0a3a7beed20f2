"""Deciding what becomes of a mail: a new ticket, a message, a note, or nothing."""
