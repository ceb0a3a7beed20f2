"""Every route of the API by which the way in is set up; apart from the package, which commands use too."""

from services.intake.admin import (
    alert_sources,
    announcements,
    audit,
    bans,
    keys,
    links,
    mails,
    previews,
    requesters,
    topics,
    trial_tickets,
)

ROUTERS = (
    keys.router,
    alert_sources.router,
    topics.router,
    links.router,
    requesters.router,
    announcements.router,
    bans.router,
    mails.router,
    audit.router,
    previews.router,
    trial_tickets.router,
)
"""Every route under /v1/admin."""
