"""A ticket's way from submission to close, as requester and agents go it."""

from dataclasses import dataclass
from typing import Any

from deploy.demo.bulk.dataset import RealTicket
from deploy.demo.checks import until
from deploy.demo.clients import AgentClient
from deploy.demo.staff import DemoStaff
from services.intake.client import Invalid

NOTE = "Worked by the demonstration, ticket of line {line}."
REPLY = "Thank you for writing. We have looked into it and settled it (line {line})."
TRIAGED_WITHIN = 600.0
"""Seconds; a burst is worked off in its order, so a busy machine may need long for the last ones."""


@dataclass(frozen=True, slots=True)
class AcceptedTicket:
    """A ticket that intake took."""

    source: RealTicket
    id: str
    number: str


@dataclass(frozen=True, slots=True)
class WorkRefused:
    """A ticket that intake's documented validation turned down."""

    source: RealTicket
    reason: str


@dataclass(frozen=True, slots=True)
class WorkedTicket:
    """A ticket that was closed, and by whom it was handled."""

    accepted: AcceptedTicket
    ticket: dict[str, Any]
    assignee: str
    """The assignee's address, to which the assignment was mailed."""


class TicketWork:
    """What is done to every ticket of a run; each request has a key of its own, so a run can be repeated."""

    def __init__(self, company: DemoStaff, run: str) -> None:
        self._company = company
        self._run = run

    async def submit(self, source: RealTicket) -> AcceptedTicket | WorkRefused:
        """Asks for help."""
        try:
            ticket = await self._company.intake.submit(source.request, idempotency_key=f"{self._run}-{source.line}")
        except Invalid as refusal:
            return WorkRefused(source, str(refusal))
        return AcceptedTicket(source, str(ticket.id), ticket.number)

    async def close(self, accepted: AcceptedTicket) -> WorkedTicket:
        """Note, reply, resolve, close: each by the assignee, or a colleague where their role does not allow it."""
        triaged = await self._until_assigned(accepted)
        assignee = self._company.desk_of(triaged["assignee_id"])
        line = accepted.source.line
        await self._act(accepted, assignee, "notes", body=NOTE.format(line=line))
        await self._act(accepted, assignee, "replies", body=REPLY.format(line=line))
        resolver = await self._company.one_who_may("ticket.resolve", triaged)
        await self._act(accepted, resolver, "resolve")
        closer = await self._company.one_who_may("ticket.close", triaged)
        closed = await self._act(accepted, closer, "close", reason="resolved")
        return WorkedTicket(accepted, closed, assignee.agent.email)

    async def _until_assigned(self, accepted: AcceptedTicket) -> dict[str, Any]:
        lead = self._company.overseer
        found = await until(
            f"ticket {accepted.number} is assigned",
            lambda: lead.find_ticket(accepted.id),
            lambda seen: bool(seen and seen["assignee_id"]),
            "an assignee",
            within=TRIAGED_WITHIN,
        )
        return found or {}

    async def _act(self, accepted: AcceptedTicket, desk: AgentClient, verb: str, **body: Any) -> dict[str, Any]:
        return await desk.act(accepted.id, verb, key=f"{self._run}-{accepted.source.line}-{verb}", **body)
