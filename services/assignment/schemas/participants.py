"""People in copy of a ticket, as the API takes and answers them."""

from typing import Any

from pydantic import ConfigDict

from services.assignment.models import Participant
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Channel, ParticipantState
from shared.kit.http.inputs import Email, Input, ShortLine

EXAMPLE: dict[str, Any] = {
    "email": "lee@bank.example",
    "name": "Lee Park",
    "state": "proposed",
    "channel": "email",
    "added_by": "dana@bank.example",
    "added_at": "2026-11-02T09:14:00Z",
    "joined_at": None,
    "changed_at": "2026-11-02T09:14:00Z",
}


class ParticipantInput(Input):
    """Whom to ask whether they want to take part."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "lee@bank.example", "name": "Lee Park"}]})

    email: Email
    name: ShortLine | None = None


class ParticipantView(View):
    """Somebody in copy of a ticket."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE]})

    email: str
    name: str
    state: ParticipantState
    """`proposed`: named by a mail that proved nothing, not asked yet. Only `joined` can read and write."""
    channel: Channel | None
    """How they were named."""
    added_by: str
    """Who named them: the address of a mail's sender, or the name of an agent."""
    added_at: Instant
    joined_at: Instant | None
    """Since when they take part."""
    changed_at: Instant


def participant_view(row: Participant) -> ParticipantView:
    """A row as the API answers it."""
    return ParticipantView.model_validate(row)
