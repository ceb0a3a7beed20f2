"""For whom passkeys of this page are."""

from fastapi import Request

from services.assignment.access.passkeys import RelyingParty, relying_party
from services.assignment.settings import AssignmentSettings


def party_of(request: Request, settings: AssignmentSettings) -> RelyingParty | None:
    """The desk as this browser reaches it; None where browsers offer no passkeys."""
    return relying_party(settings.desk_url, request.headers.get("host", ""))
