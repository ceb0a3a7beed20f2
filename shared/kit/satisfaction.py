"""Satisfaction ratings (CSAT): the scale, and the signed links with which requesters rate a resolution."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from itsdangerous import BadData

from shared.contracts.base import TicketId
from shared.kit.i18n.messages import marked as _
from shared.kit.settings import Settings
from shared.kit.signed_tokens import TokenSerializer

SCORES: Mapping[int, str] = {
    5: _("Very satisfied"),
    4: _("Satisfied"),
    3: _("Neither satisfied nor dissatisfied"),
    2: _("Dissatisfied"),
    1: _("Very dissatisfied"),
}
"""The five answers, the best first. Who answers 4 or 5 counts as satisfied."""

_KIND = "csat"
"""Begins the payload, which so has the shape by which our links are found in foreign text."""


@dataclass(frozen=True, slots=True)
class RatedResolution:
    """What a link stands for: the right to rate one resolution of a ticket."""

    ticket_id: TicketId
    resolution: int


class RatingLinks:
    """Makes and reads links to the rating of a resolution. Notification mails them, intake serves them.

    A link opens nothing but the rating. Until when it can be used intake knows.
    """

    def __init__(self, settings: Settings) -> None:
        self._portal = settings.portal_url.rstrip("/")
        self._signer = TokenSerializer(settings.link_secret.get_secret_value(), salt="csat-link")

    def token(self, rated: RatedResolution) -> str:
        """Returns the signed part of the link."""
        return self._signer.dumps([_KIND, rated.ticket_id.hex, rated.resolution])

    def url(self, rated: RatedResolution, score: int) -> str:
        """Returns the address that a mail links an answer to."""
        return f"{self._portal}/rate/{self.token(rated)}?score={score}"

    def read(self, token: str) -> RatedResolution | None:
        """Returns what a token stands for; None if it is forged."""
        try:
            _, ticket, resolution = self._signer.loads(token)
            return RatedResolution(TicketId(UUID(ticket)), int(resolution))
        except (BadData, ValueError, TypeError, AttributeError):
            return None
