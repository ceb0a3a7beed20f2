"""The one-command stack: engines, mail sink, supervisor."""
