"""Closing, resolving and reopening: asked of the ticket's workflow, then seen at once in our own projection."""

from uuid import UUID

from services.intake.commands.apply_events import project
from shared.contracts.base import TicketId
from shared.contracts.commands import CloseTicket, ReopenTicket, ResolveTicket
from shared.contracts.tickets import TicketSnapshot
from shared.kit.db import Database
from shared.kit.tickets import Tickets


async def change_status(
    database: Database, tickets: Tickets, ticket_id: UUID, command: CloseTicket | ReopenTicket | ResolveTicket
) -> TicketSnapshot:
    """Carries out the command. No connection is held meanwhile, so a slow workflow cannot starve the others.

    Raises Refusal if the workflow refuses, TicketsUnavailable if it does not answer.
    """
    snapshot = await tickets.send(TicketId(ticket_id), command)
    await project(database, [snapshot])
    return snapshot
