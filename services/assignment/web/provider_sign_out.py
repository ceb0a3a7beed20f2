"""What a browser keeps for a moment after signing out here, to sign out at the identity provider as well."""

import base64
import binascii

from fastapi import Request, Response

from services.assignment.access.provider_sessions import ProviderSession
from services.assignment.access.single_sign_on.keys import LASTS_SECONDS, SignOnKeys
from services.assignment.settings import AssignmentSettings
from services.assignment.web.page_base import DeskPages

SIGNED_OUT_COOKIE = "everdesk_signed_out"
WITHOUT_TOKEN = "none"  # noqa: S105 - says that there is none


def keep_hint(response: Response, desk: DeskPages, ended: ProviderSession) -> None:
    """Keeps the session's ID token, encrypted, for ten minutes."""
    token = base64.urlsafe_b64encode(ended.token).decode() if ended.token else WITHOUT_TOKEN
    desk.pages.set_cookie(response, SIGNED_OUT_COOKIE, token, max_age=LASTS_SECONDS)


def read_hint(request: Request, desk: DeskPages, settings: AssignmentSettings) -> str | None:
    """The ID token of the session that ended; None where there is none that we have kept."""
    try:
        stored = base64.urlsafe_b64decode(desk.pages.cookie(request, SIGNED_OUT_COOKIE) or "")
    except (ValueError, binascii.Error):
        return None
    return SignOnKeys(settings).decrypt_token(stored)
