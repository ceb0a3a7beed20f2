"""Work that agents ask for and do not wait for: one action on many tickets, lists as files."""
