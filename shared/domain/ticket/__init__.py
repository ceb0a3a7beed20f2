"""The ticket: its state, and what facts and commands do to it."""

from shared.domain.ticket.state import TicketState
from shared.domain.ticket.ticket import Ticket

__all__ = ["Ticket", "TicketState"]
