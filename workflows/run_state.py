"""What a ticket's workflow carries from one run to the next."""

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.commands import OpenTicket
from shared.contracts.events import Envelope
from shared.contracts.tickets import TicketSnapshot
from shared.domain.ticket import TicketState


class CarriedOver(Contract):
    """The ticket, the events nobody has heard of yet, and the answers given to recent commands."""

    ticket: TicketState
    pending: list[Envelope] = Field(default_factory=list)
    answers: dict[str, TicketSnapshot] = Field(default_factory=dict)


class TicketRun(OpenTicket):
    """What one run starts from: the submission, and what the run before knew, if there was one."""

    carried: CarriedOver | None = None
