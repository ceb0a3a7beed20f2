"""What a ticket's workflow carries from one run to the next."""

import base64
import zlib
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter

from shared.contracts.base import WireModel
from shared.contracts.commands import OpenTicket
from shared.contracts.events import Envelope
from shared.contracts.tickets import TicketSnapshot
from shared.domain.ticket import TicketState

_ANSWERS = TypeAdapter(dict[str, TicketSnapshot])


def _packed(answers: dict[str, TicketSnapshot]) -> str:
    """Two hundred snapshots of one ticket are nearly the same: a tenth of their size, far from a payload's limit."""
    return base64.b85encode(zlib.compress(_ANSWERS.dump_json(answers))).decode()


def _unpacked(value: Any) -> Any:
    """Older runs carried them as they are."""
    return _ANSWERS.validate_json(zlib.decompress(base64.b85decode(value))) if isinstance(value, str) else value


Answers = Annotated[dict[str, TicketSnapshot], BeforeValidator(_unpacked), PlainSerializer(_packed, return_type=str)]


class ContinueAsNewState(WireModel):
    """The ticket, the events nobody has heard of yet, and the answers given to recent commands."""

    ticket: TicketState
    pending: list[Envelope] = Field(default_factory=list)
    answers: Answers = Field(default_factory=dict)


class TicketRun(OpenTicket):
    """What one run starts from: the submission, and what the run before knew, if there was one."""

    carried: ContinueAsNewState | None = None
