"""Lists of tickets: what is asked for, how it is read from the indexes, and how it is searched."""
