"""The JSON API for client programs."""

from services.intake.api import alerts, attachments, desk, events, messages, status, tickets, topics

ROUTERS = (
    tickets.router,
    messages.router,
    events.router,
    attachments.router,
    status.router,
    topics.router,
    desk.router,
    alerts.router,
)
"""Every route under /v1."""
