"""Decisions on their way to the tickets' workflows."""

from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from services.assignment.backlog.decision_dispatch import send
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.contracts.vocabulary import DecisionCause
from shared.domain.errors import TicketArchivedError
from shared.kit.clock import new_id
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk


class Failing:
    """The way to the workflows: one fails as nobody thought of, the others are archived."""

    def __init__(self, broken: UUID) -> None:
        self.broken = broken

    async def execute(self, ticket_id: TicketId, _command: Command) -> CommandAnswer:
        if ticket_id == self.broken:
            raise ValueError("nobody thought of this")
        raise TicketArchivedError("it is archived")


def _decision(ticket_id: UUID) -> dict[str, Any]:
    decided = {"revision": 1, "agent_id": new_id(), "previous_agent_id": None, "cause": DecisionCause.BACKLOG.value}
    return {"id": new_id(), "ticket_id": ticket_id, "attempts": 0} | decided


async def test_a_decision_that_fails_unexpectedly_holds_up_no_other(desk: Desk) -> None:
    broken = new_id()
    context = replace(desk.context, tickets=cast("Tickets", Failing(broken)))
    assert await send(context, [_decision(one) for one in (broken, new_id(), new_id())]) == 2
