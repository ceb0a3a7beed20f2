"""The assignment service's settings; each field is the variable `EVERDESK_<FIELD>`."""

from typing import Annotated
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
    """Signs the desk's short notices between a form and the page after it."""
    session_hours: int = Field(default=12, ge=1, le=168)
    """How long a sign-in lasts."""
    audit_days: int = Field(default=1095, ge=30, le=36_500)
    """How long the audit log keeps a change of the configuration."""
    agent_requests_per_minute: int = Field(default=3000, ge=1)
    """Budget of one signed-in agent over the API."""
    seed_password: SecretStr | None = None
    """Password of the seeded accounts; only `seed` reads it."""
    search_attributes: bool = False
    """Whether tickets opened from now on can be searched in Temporal's pages by status, team, assignee and priority.

    Everdesk itself does not search there. Costs about a fifth more work in Temporal and the worker per ticket."""
