"""A cookie that says: this browser followed a link out of the mail of an address, so its user reads that mail."""

from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from services.intake.access.link_access import LinkAccess
from services.intake.settings import IntakeSettings
from services.intake.similar_tickets import Proof
from shared.kit.addresses import address_key
from shared.kit.clock import utc_now
from shared.kit.http.pages import Pages

COOKIE = "everdesk_address"
LIFETIME = 7 * 86_400
"""Seconds."""
FRESH = timedelta(seconds=LIFETIME)


class EmailVerification:
    """Writes and reads the cookie; it is signed, closed to scripts, and not sent by other sites' forms."""

    def __init__(self, settings: IntakeSettings, pages: Pages) -> None:
        self._pages = pages
        self._signer = URLSafeTimedSerializer(settings.link_secret.get_secret_value(), salt="address-proof")

    def note(self, response: Response, visit: LinkAccess) -> None:
        """Remembers the visitor's address, if the link that led here was mailed to it, and lately.

        An old link may have been passed on or seen by others: it opens its ticket, and proves no more.
        """
        signed_at = visit.link.signed_at
        if visit.link.is_mailed and signed_at and utc_now() - signed_at <= FRESH:
            self._pages.set_cookie(
                response, COOKIE, self._signer.dumps([visit.link.email, signed_at.timestamp()]), max_age=LIFETIME
            )

    def proved(self, request: Request) -> Proof | None:
        """The address whose mail the user of this browser has shown to read within the last days."""
        try:
            proved, signed_at = self._signer.loads(self._pages.cookie(request, COOKIE) or "", max_age=LIFETIME)
        except (BadData, ValueError):
            return None
        return Proof(proved, datetime.fromtimestamp(signed_at, UTC))

    def find(self, request: Request, email: str) -> Proof | None:
        """The proof that the user of this browser reads the mail of the address, if there is one of the last days."""
        found = self.proved(request)
        return found if found is not None and found.email == address_key(email) else None
