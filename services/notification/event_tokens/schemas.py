"""Requests and responses of the event tokens' API."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from shared.contracts.described_models import DescribedModel
from shared.kit.http.inputs import Input, ShortLine, WrittenInstant

TOKEN: dict[str, JsonValue] = {
    "id": "01990a4e-3c00-7000-8000-000000000006",
    "name": "Data warehouse",
    "prefix": "hde_1f0c9a3be2d47a55",
    "scopes": ["events"],
    "created_at": "2026-11-24T09:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
}


class EventScope(StrEnum):
    """What a token is for."""

    EVENTS = "events"
    """Reads the change feed, but no notes."""
    NOTES = "notes"
    """Reads the change feed, and notes where it names them."""
    WEBHOOKS = "webhooks"
    """Makes, changes and removes webhooks."""


class CreateEventToken(Input):
    """A token for one program."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Data warehouse", "scopes": ["events"]}]})

    name: ShortLine
    scopes: Annotated[list[EventScope], Field(min_length=1, max_length=3)]
    expires_at: WrittenInstant | None = None


class EventTokenView(DescribedModel):
    """A token, never the secret itself."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [TOKEN]})

    id: UUID
    name: str
    prefix: str
    """How the token begins."""
    scopes: list[EventScope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """As exact as a minute."""


class EventTokenWithSecret(EventTokenView):
    """A token as it is shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [TOKEN | {"token": "hde_1f0c9a3be2d47a55_…"}]})

    token: str | None
    """Null in the answer to a repeated request."""

    @classmethod
    def of(cls, view: EventTokenView, token: str | None) -> Self:
        """The view of a token with its secret."""
        return cls(**view.model_dump(), token=token)
