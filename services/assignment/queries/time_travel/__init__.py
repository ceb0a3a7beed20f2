"""Reads tickets as they were at an instant of the past, from the event log.

The instant is compared with `updated_at` of the snapshot that every event carries: when the ticket's state became that.
What people wrote is shown as it then read, as far as it was not erased since. Permissions are those of now.
"""
