"""The portal: pages for people who ask for help."""

from services.intake.web import (
    api_docs,
    data_export,
    files,
    home,
    invitation,
    people,
    similar,
    status,
    status_actions,
    submit,
    thread,
)

ROUTERS = (
    api_docs.router,
    files.router,
    home.router,
    submit.router,
    status.router,
    thread.router,
    status_actions.router,
    people.router,
    similar.router,
    data_export.router,
    invitation.router,
)
"""Every page."""
