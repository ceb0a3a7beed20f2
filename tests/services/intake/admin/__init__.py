"""Administration of keys, topics and announcements; the operator's commands."""
