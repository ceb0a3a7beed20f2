"""Signed links with which people choose, from any mail and without signing in, which mails they get."""

from dataclasses import dataclass
from uuid import UUID

from itsdangerous import BadData

from shared.contracts.base import TicketId
from shared.kit.addresses import address_key
from shared.kit.auth import digest_of
from shared.kit.sealed_addresses import SealedAddresses
from shared.kit.settings import Settings
from shared.kit.signed_tokens import TokenSerializer


@dataclass(frozen=True, slots=True)
class PreferenceLink:
    """What a link stands for: the right to choose which mails one address gets."""

    ticket_id: TicketId
    """What the mail was about; an announced choice is filed under it."""
    email: str
    is_copy: bool = False
    """The mail went to somebody in copy: to unsubscribe from it is to leave the ticket."""


class PreferenceLinks:
    """Makes and reads links to the choice of mails. Notification mails them, intake serves them.

    A link opens no ticket. It does not expire, for whoever finds an old mail may still want to hear less.
    """

    def __init__(self, settings: Settings) -> None:
        self._portal = settings.portal_url.rstrip("/")
        self._signer = TokenSerializer(settings.link_secret.get_secret_value(), salt="preference-link")
        self._addresses = SealedAddresses(settings, "preference-link")

    def token(self, link: PreferenceLink) -> str:
        """Returns the signed part of a link; nobody reads the address out of it, and the same link is the same."""
        sealed = self._addresses.seal(address_key(link.email), link.ticket_id.bytes)
        return self._signer.dumps([sealed, link.ticket_id.hex, int(link.is_copy)])

    def url(self, link: PreferenceLink) -> str:
        """Returns the address of the page, to which mail programs also post a one-click unsubscription (RFC 8058)."""
        return f"{self._portal}/mail-preferences/{self.token(link)}"

    def read(self, token: str) -> PreferenceLink | None:
        """Returns what a token stands for; None if it is forged."""
        try:
            sealed, ticket, is_copy = self._signer.loads(token)
            ticket_id = TicketId(UUID(ticket))
            email = self._addresses.open(str(sealed), ticket_id.bytes)
            return PreferenceLink(ticket_id, email, is_copy=bool(is_copy))
        except (BadData, ValueError, TypeError, AttributeError):
            return None


def recipient_key(address: str) -> str:
    """Returns the key that stands for an address where mails are decided; it does not show the address."""
    return digest_of(address_key(address)).hex()
