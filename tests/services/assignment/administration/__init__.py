"""What administrators set, its versions and the audit log."""
