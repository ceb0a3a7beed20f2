"""The assignment service's settings; each field is the variable `EVERDESK_<FIELD>`."""

from pydantic import Field, SecretStr

from shared.kit.settings import ServiceSettings


class AssignmentSettings(ServiceSettings):
    """What this service needs on top of the common ones."""

    port: int = Field(default=8002, ge=0, le=65_535)
    session_secret: SecretStr = Field(min_length=16)
    """Signs the desk's short notices between a form and the page after it."""
    session_hours: int = Field(default=12, ge=1, le=168)
    """How long a sign-in lasts."""
    agent_requests_per_minute: int = Field(default=3000, ge=1)
    """Budget of one signed-in agent over the API."""
    seed_password: SecretStr | None = None
    """Password of the seeded accounts; only `seed` reads it."""
