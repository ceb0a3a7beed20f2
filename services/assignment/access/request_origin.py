"""Reads where a sign-in comes from out of its request."""

from fastapi import Request

from services.assignment.access.sessions import USER_AGENT_LENGTH, Visit
from services.assignment.settings import AssignmentSettings
from shared.contracts.vocabulary import Channel
from shared.kit.auth import digest_of
from shared.kit.http.client_address import address_of


def visit_of(request: Request, settings: AssignmentSettings, channel: Channel, old_token: str | None = None) -> Visit:
    """The visit of a request; `old_token` is that of the session which the browser has had."""
    return Visit(
        channel,
        address_of(request, settings.trusted_proxies),
        request.headers.get("user-agent", "")[:USER_AGENT_LENGTH],
        digest_of(old_token) if old_token else None,
    )
