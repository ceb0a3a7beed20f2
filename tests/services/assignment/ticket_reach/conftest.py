"""Tickets to reach."""

from tests.services.assignment.related_tickets import tickets  # noqa: F401 - a fixture
