"""What the opener of a ticket is shown: a receipt tells its number, and opens nothing."""

from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer

from shared.contracts.base import TicketId
from shared.kit.settings import Settings

LIFETIME = 86_400
"""Seconds a receipt can be shown again."""


class Receipts:
    """Makes and reads the tokens of receipts; they are no links, whoever holds one reads nothing of the ticket."""

    def __init__(self, settings: Settings) -> None:
        self._signer = URLSafeTimedSerializer(settings.link_secret.get_secret_value(), salt="ticket-receipt")

    def token(self, ticket_id: TicketId) -> str:
        """The receipt of a ticket."""
        return self._signer.dumps([ticket_id.hex])

    def read(self, token: str) -> TicketId | None:
        """The ticket of a receipt; None if it is none of ours, or old."""
        try:
            (ticket,) = self._signer.loads(token, max_age=LIFETIME)
            return TicketId(UUID(ticket))
        except (BadData, ValueError, TypeError, AttributeError):
            return None
