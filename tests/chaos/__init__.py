"""Processes are killed while work is under way; nothing may be lost and nothing doubled."""
