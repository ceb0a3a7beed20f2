"""Earlier versions of calendars and SLA policies, as the API answers them."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant

VERSION: dict[str, Any] = {
    "version": 2,
    "is_current": False,
    "created_at": "2026-11-24T09:30:00Z",
    "created_by": "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a11",
}
CALENDAR: dict[str, Any] = {
    "name": "Support hours",
    "body": {"timezone": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "holidays": []},
}
POLICY: dict[str, Any] = {"body": {"name": "Gold", "calendar": "office", "targets": {"urgent": {"resolution": 14400}}}}


class VersionView(View):
    """One version of something that is never changed, only followed by the next."""

    version: int
    is_current: bool = Field(description="True for the newest, which new tickets get")
    created_at: Instant
    created_by: UUID | None = Field(description="The agent who made it; null: the seed, or a feed's daily refresh")
    body: dict[str, Any] = Field(description="The whole value as it was, in the words of that time")


class CalendarVersionView(VersionView):
    """A version of a calendar."""

    model_config = ConfigDict(json_schema_extra={"examples": [VERSION | CALENDAR]})

    name: str


class PolicyVersionView(VersionView):
    """A version of an SLA policy."""

    model_config = ConfigDict(json_schema_extra={"examples": [VERSION | POLICY]})
