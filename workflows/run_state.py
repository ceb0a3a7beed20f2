"""The input of a workflow run, and the state that continue-as-new hands to the next run."""

import base64
import zlib
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter

from shared.contracts.answers import CommandAnswer
from shared.contracts.base import WireModel
from shared.contracts.commands import OpenTicket
from shared.contracts.events import Envelope
from shared.domain.ticket import TicketState

_ANSWERS = TypeAdapter(dict[str, CommandAnswer])


def _compressed(answers: dict[str, CommandAnswer]) -> str:
    """Compresses the answers: snapshots of one ticket are nearly alike, so they shrink to a tenth."""
    return base64.b85encode(zlib.compress(_ANSWERS.dump_json(answers))).decode()


def _decompressed(value: Any) -> Any:
    """Decompresses the answers; older runs carried them uncompressed."""
    return _ANSWERS.validate_json(zlib.decompress(base64.b85decode(value))) if isinstance(value, str) else value


Answers = Annotated[
    dict[str, CommandAnswer], BeforeValidator(_decompressed), PlainSerializer(_compressed, return_type=str)
]


class ContinueAsNewState(WireModel):
    """The ticket, the events not published yet, and the answers to recent commands and messages by their ids."""

    ticket: TicketState
    pending: list[Envelope] = Field(default_factory=list)
    answers: Answers = Field(default_factory=dict)
    message_answers: Answers = Field(default_factory=dict)


class TicketRun(OpenTicket):
    """The input of a run: the submission, and the state of the run before, if there was one."""

    carried: ContinueAsNewState | None = None
