"""Reads a sign-in's network address, browser and previous session from its request."""

from fastapi import Request

from services.assignment.access.known_browsers import KnownBrowsers
from services.assignment.access.sessions import USER_AGENT_LENGTH, Visit
from services.assignment.settings import AssignmentSettings
from shared.contracts.vocabulary import Channel
from shared.kit.auth import digest_of
from shared.kit.http.client_address import address_of


def visit_of(
    request: Request,
    settings: AssignmentSettings,
    channel: Channel,
    old_token: str | None = None,
    browser: str | None = None,
) -> Visit:
    """The origin of a request; `old_token` and `browser` are cookies: of the previous session, of a known browser."""
    return Visit(
        channel,
        address_of(request, settings.trusted_proxies),
        request.headers.get("user-agent", "")[:USER_AGENT_LENGTH],
        digest_of(old_token) if old_token else None,
        KnownBrowsers(settings).read(browser) if browser else None,
    )
