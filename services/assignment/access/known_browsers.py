"""Recognises browsers in which an agent has signed in before, so that others' guesses do not lock the owner out.

OWASP describes such device cookies under "Slow Down Online Guessing Attacks with Device Cookies".
"""

import secrets
from dataclasses import dataclass
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer

from services.assignment.access.attempts import Subject, subject_of
from services.assignment.settings import AssignmentSettings

LASTS_SECONDS = 180 * 24 * 3600
TRIES = 5


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """What a browser's cookie says. It proves nothing of the agent and opens nothing: it has failures of its own."""

    agent_id: UUID
    name: str
    """Random, and new with every sign-in."""

    @property
    def subject(self) -> Subject:
        """What its wrong passwords are counted for, in place of account and network."""
        return subject_of("browser", self.agent_id.hex, self.name, tries=TRIES)


class KnownBrowsers:
    """Makes and reads the cookies; all replicas share the secret."""

    def __init__(self, settings: AssignmentSettings) -> None:
        self._signer = URLSafeTimedSerializer(settings.session_secret.get_secret_value(), salt="known-browser")

    def write(self, agent_id: UUID) -> str:
        """The cookie for a browser in which this agent has just signed in."""
        return self._signer.dumps([agent_id.hex, secrets.token_urlsafe(12)])

    def read(self, cookie: str | None) -> KnownBrowser | None:
        """The browser of a cookie; None for one that is forged or too old."""
        try:
            agent, name = self._signer.loads(cookie or "", max_age=LASTS_SECONDS)
            return KnownBrowser(UUID(agent), str(name))
        except (BadData, ValueError, TypeError, AttributeError):
            return None
