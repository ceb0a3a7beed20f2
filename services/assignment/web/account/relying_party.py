"""The WebAuthn relying party of the desk's pages."""

from fastapi import Request

from services.assignment.access.passkeys import RelyingParty, relying_party
from services.assignment.settings import AssignmentSettings


def party_of(request: Request, settings: AssignmentSettings) -> RelyingParty | None:
    """The relying party for the host this browser uses; None where browsers offer no passkeys."""
    return relying_party(settings.desk_url, request.headers.get("host", ""))
