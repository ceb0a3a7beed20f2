"""The JSON API for client programs."""

from services.intake.api import messages, status, tickets, topics

ROUTERS = (tickets.router, messages.router, status.router, topics.router)
"""Every route under /v1."""
