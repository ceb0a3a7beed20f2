"""The portal: pages for people who ask for help."""

from services.intake.web import (
    api_docs,
    everything,
    files,
    home,
    invitation,
    moves,
    people,
    similar,
    status,
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
    moves.router,
    people.router,
    similar.router,
    everything.router,
    invitation.router,
)
"""Every page."""
