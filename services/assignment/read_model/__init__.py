"""Rebuilds the read model from the event log while the service runs, and compares the two.

The log is the truth about status, people, priorities and clocks. What people wrote is not in it: subjects, requesters
and messages stay as they are.
"""
