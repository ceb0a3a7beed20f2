"""The JSON API for client programs."""

from services.intake.api import attachments, events, messages, status, tickets, topics

ROUTERS = (tickets.router, messages.router, events.router, attachments.router, status.router, topics.router)
"""Every route under /v1."""
