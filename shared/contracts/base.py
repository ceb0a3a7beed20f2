"""The two model bases: tolerant readers for what travels between processes, strict ones for outside input."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, NewType
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict

from shared.contracts.described_models import DescribedModel

TicketId = NewType("TicketId", UUID)
MessageId = NewType("MessageId", UUID)
AgentId = NewType("AgentId", UUID)
TeamId = NewType("TeamId", UUID)
PolicyId = NewType("PolicyId", UUID)


_NO_OFFSET = timedelta(0)


def _in_utc(at: datetime) -> datetime:
    """Each event has a dozen or more, and almost all are in UTC already."""
    return at if at.tzinfo is UTC or at.utcoffset() == _NO_OFFSET else at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment, aware and in UTC."""


class WireModel(DescribedModel):
    """A value that travels: immutable, durations as seconds; a newer writer's extra fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="float")


class StrictModel(DescribedModel):
    """A value from outside: unknown fields are refused, so a typing error is never silently lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float")
