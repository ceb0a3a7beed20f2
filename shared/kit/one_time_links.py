"""Links that work once and for a while: mails bring them to whoever may have what they open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from shared.kit.auth import EPOCH, MILLISECOND, digest_of
from shared.kit.clock import utc_now
from shared.kit.sealed_addresses import SealedAddresses
from shared.kit.settings import Settings

EXPORT_LIFETIME = timedelta(minutes=15)
_CLOCKS_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ExportLink:
    """What a link stands for."""

    email: str
    key: str
    """Of this one link: what has been used is remembered by it."""


class ExportLinks:
    """Makes and reads links to the export of a person. Notification mails them, intake serves them."""

    def __init__(self, settings: Settings) -> None:
        self._portal = settings.portal_url.rstrip("/")
        self._signer = URLSafeSerializer(settings.link_secret.get_secret_value(), salt="export-link")
        self._addresses = SealedAddresses(settings, "export-link")

    def url(self, email: str, mail_id: UUID, at: datetime) -> str:
        """The address to mail; the same mail has the same one, and it works for minutes from `at` on."""
        sealed = self._addresses.seal(email.casefold(), mail_id.bytes)
        payload = [sealed, mail_id.hex, (at - EPOCH) // MILLISECOND]
        return f"{self._portal}/everything/{self._signer.dumps(payload)}"

    def read(self, token: str) -> ExportLink | None:
        """The link of a token; None if it is forged or too old. Whether it was used intake knows."""
        try:
            sealed, mail_id, milliseconds = self._signer.loads(token)
            email = self._addresses.open(str(sealed), UUID(mail_id).bytes)
            age = utc_now() - (EPOCH + milliseconds * MILLISECOND)
        except (BadData, ValueError, TypeError, OverflowError):
            return None
        is_young = -_CLOCKS_APART <= age <= EXPORT_LIFETIME
        return ExportLink(email, digest_of(f"{email}:{mail_id}").hex()) if is_young else None


@dataclass(frozen=True, slots=True)
class MailedAccountLink:
    """What a link stands for: the right to set an agent's password, which assignment holds under this id."""

    link_id: UUID
    purpose: str


class AccountLinks:
    """Makes and reads links with which agents set their password. Notification mails them, assignment serves them.

    Whether a link still works assignment knows: it keeps the id. Neither the id alone nor the signature alone helps.
    """

    def __init__(self, settings: Settings) -> None:
        self._desk = settings.desk_url.rstrip("/")
        self._signer = URLSafeSerializer(settings.link_secret.get_secret_value(), salt="account-link")

    def url(self, link_id: UUID, purpose: str, at: datetime) -> str:
        """The address to mail."""
        payload = [purpose, link_id.hex, (at - EPOCH) // MILLISECOND]
        return f"{self._desk}/set-password/{self._signer.dumps(payload)}"

    def read(self, token: str) -> MailedAccountLink | None:
        """The link of a token; None if it is forged."""
        try:
            purpose, link_id, _ = self._signer.loads(token)
            return MailedAccountLink(UUID(link_id), str(purpose))
        except (BadData, ValueError, TypeError, AttributeError):
            return None
