"""Ticket lists: filters, search terms, index scans with keyset pagination, and counts."""
