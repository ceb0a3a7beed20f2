"""The portal: pages for people who ask for help."""

from services.intake.web import (
    api_docs,
    data_export,
    files,
    home,
    invitation,
    language,
    link_request,
    mail_preferences,
    organisation,
    participants,
    ratings,
    similar,
    status_actions,
    submit,
    thread,
)

ROUTERS = (
    api_docs.router,
    files.router,
    home.router,
    submit.router,
    link_request.router,
    organisation.router,
    thread.router,
    status_actions.router,
    participants.router,
    ratings.router,
    mail_preferences.router,
    similar.router,
    data_export.router,
    invitation.router,
    language.router,
)
"""Every page."""
