"""What a browser keeps for a moment after signing out here, to sign out at the identity provider as well."""

import base64
import binascii

from fastapi import Request, Response

from services.assignment.access.provider_sessions import ProviderSession
from services.assignment.access.single_sign_on.keys import LASTS_SECONDS, SignOnKeys
from services.assignment.schemas.single_sign_on import FIRST
from services.assignment.settings import AssignmentSettings
from services.assignment.web.page_base import DeskPages

SIGNED_OUT_COOKIE = "everdesk_signed_out"
WITHOUT_TOKEN = "none"  # noqa: S105 - says that there is none


def keep_hint(response: Response, desk: DeskPages, number: int, ended: ProviderSession) -> None:
    """Keeps the provider's number and the session's ID token, encrypted, for ten minutes."""
    token = base64.urlsafe_b64encode(ended.token).decode() if ended.token else WITHOUT_TOKEN
    desk.pages.set_cookie(response, SIGNED_OUT_COOKIE, f"{number}.{token}", max_age=LASTS_SECONDS)


def read_provider(request: Request, desk: DeskPages) -> int | None:
    """The number of the provider whose session ended here a moment ago."""
    kept = desk.pages.cookie(request, SIGNED_OUT_COOKIE)
    if kept is None:
        return None
    number = kept.partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) <= 4 else FIRST


def read_hint(request: Request, desk: DeskPages, settings: AssignmentSettings) -> tuple[int, str | None]:
    """The provider's number, and the ID token of the session that ended; None where there is none that we have kept."""
    number = read_provider(request, desk)
    kept = desk.pages.cookie(request, SIGNED_OUT_COOKIE) or ""
    try:
        stored = base64.urlsafe_b64decode(kept.rpartition(".")[2])
    except (ValueError, binascii.Error):
        return number or FIRST, None
    return number or FIRST, SignOnKeys(settings).decrypt_token(stored)
