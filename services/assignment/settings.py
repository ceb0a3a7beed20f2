"""The assignment service's settings; each field is the variable `EVERDESK_<FIELD>`."""

from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr

from shared.kit.settings import ServiceSettings


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as unknown:
        raise ValueError("is not the name of a time zone, such as Europe/Berlin") from unknown
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class AssignmentSettings(ServiceSettings):
    """What this service needs on top of the common ones."""

    port: int = Field(default=8002, ge=0, le=65_535)
    time_zone: TimeZone = "UTC"
    """Whose days the days of a report are where its reader names no zone, such as `Europe/Berlin`."""
    session_secret: SecretStr = Field(min_length=16)
    """Signs the desk's forms and notices; encrypts what is secret at rest and has no key of its own."""
    intake_url: str = ""
    """Where the intake service is reached from here, for its administration; empty: at the portal's address."""
    notification_url: str = "http://127.0.0.1:8003"
    """Where the notification service is reached from here, for its administration."""
    session_hours: int = Field(default=12, ge=1, le=168)
    """How long a sign-in lasts, however much it is used."""
    session_idle_minutes: int = Field(default=120, ge=5, le=10_080)
    """How long a sign-in lasts that is not used."""
    reset_minutes: int = Field(default=30, ge=5, le=1440)
    """How long the link works that is mailed to an agent who forgot their password."""
    invitation_days: int = Field(default=7, ge=1, le=60)
    """How long the link works with which a new agent sets their first password."""
    second_factor_keys: SecretStr | None = Field(default=None, min_length=16)
    """Encrypts the secrets of authenticator apps: one key, or a new one, a comma and those before it.

    Without it the key is derived from `session_secret`; then a new `session_secret` makes every agent set up their
    second factor anew."""
    undo_seconds: int = Field(default=10, ge=0, le=60)
    """How long a reply that was sent from the desk can be taken back; 0 = not at all."""
    agent_requests_per_minute: int = Field(default=3000, ge=1)
    """Budget of one signed-in agent over the API."""
    service_token_requests_per_minute: int = Field(default=1200, ge=1)
    """Budget of one service token."""
    oidc_issuer: str | None = Field(default=None, max_length=1000)
    """The organisation's OpenID Connect provider; set here, its page shows it and cannot change it."""
    oidc_client_id: str = Field(default="", max_length=255)
    """What the provider calls this desk."""
    oidc_client_secret: SecretStr | None = None
    """What the desk proves itself with at the provider; without one it is a public client, with PKCE alone."""
    oidc_passwords: Literal["allowed", "unlinked_only"] | None = None
    """Overrides what the page says of local passwords: `allowed` is the way back in when the provider is away."""
    seed_password: SecretStr | None = None
    """Password of the seeded accounts; only `seed` reads it."""
    setup_token: SecretStr | None = Field(default=None, min_length=32)
    """The token of the first administrator's one-time link, where it was made elsewhere; only `seed` reads it."""
    search_attributes: bool = False
    """Whether tickets opened from now on can be searched in Temporal's pages by status, team, assignee and priority.

    Everdesk itself does not search there. Costs about a fifth more work in Temporal and the worker per ticket."""

    @property
    def session_idle(self) -> timedelta:
        """How long a session that is not used works."""
        return timedelta(minutes=self.session_idle_minutes)
