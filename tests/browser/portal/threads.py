"""Tickets in every standing, as the portal shows them: written straight into its database."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.intake.abuse.invitations import InvitationLimits
from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.consumers import on_events
from services.intake.models import Attachment, AttachmentState
from services.intake.settings import IntakeSettings
from shared.contracts.base import MessageId
from shared.contracts.events import (
    Author,
    Event,
    LifecycleEvent,
    MessagePosted,
    Person,
    TicketArchived,
    TicketAssigned,
    TicketClosed,
    TicketHeld,
    TicketOpened,
    TicketPended,
    TicketResolved,
)
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Status
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database
from tests.services.intake.harness import after

AGENT = Actor(kind=ActorKind.AGENT, id=new_id())
STEPS: dict[str, tuple[type[LifecycleEvent], dict[str, Any], dict[str, Any]]] = {
    Status.PENDING: (TicketPended, {"status": "pending"}, {}),
    Status.ON_HOLD: (TicketHeld, {"status": "on_hold"}, {"reason": "vendor"}),
    Status.RESOLVED: (TicketResolved, {"status": "resolved"}, {"cause": "command"}),
    Status.CLOSED: (TicketClosed, {"status": "closed"}, {"reason": "resolved", "cause": "timer"}),
    "archived": (TicketArchived, {"status": "closed", "is_archived": True}, {}),
}
ANSWER = (
    "<p>Thank you, Dana. Could you tell us <strong>which browser</strong> you use?</p>"
    "<ul><li>On a phone: the app's version</li><li>Else: the address you open</li></ul>"
)


@dataclass(frozen=True)
class Opened:
    """A ticket and the way to its thread."""

    id: UUID
    number: str
    path: str


class Threads:
    """Opens tickets and lets things happen to them."""

    def __init__(self, settings: IntakeSettings, database: Database) -> None:
        self._links = TicketLinks(settings)
        self._limits = InvitationLimits(settings)
        self.database = database

    async def open(self, subject: str = "Online banking system down", email: str = "dana@bank.example") -> Opened:
        """A new ticket."""
        submission = Submission(
            requester=Person(email=email, name="Dana Ruiz"),
            subject=subject,
            body="Log-in answers 502.\nSince nine o'clock, on every computer of the branch.",
            body_format=BodyFormat.TEXT,
            channel=Channel.PORTAL,
            received_at=utc_now(),
        )
        async with self.database.begin() as session:
            number = await submit_ticket(session, submission)
        link = TicketLink(submission.ticket_id, email, is_mailed=True)
        return Opened(submission.ticket_id, number, f"/t/{self._links.token(link)}")

    async def reach(self, standing: str) -> Opened:
        """A ticket with a conversation, in that status or archived."""
        ticket = await self.open()
        await self.tell(self.happened(ticket, TicketOpened, 1, {"status": "new"}, {}, ActorKind.REQUESTER))
        if standing == Status.NEW:
            return ticket
        assigned = {"agent_id": AGENT.id}
        await self.tell(
            self.happened(ticket, TicketAssigned, 2, {"status": "open"}, assigned),
            self.answer(ticket, quoted="> Log-in answers 502.\n-- \nDana Ruiz"),
        )
        if standing in STEPS:
            kind, state, details = STEPS[standing]
            await self.tell(self.happened(ticket, kind, 3, state, details))
        return ticket

    def happened(
        self,
        ticket: Opened,
        kind: type[LifecycleEvent],
        seq: int,
        state: dict[str, Any],
        details: dict[str, Any],
        actor: ActorKind = ActorKind.AGENT,
    ) -> Event:
        """A step of the ticket's life."""
        named = {"id": str(ticket.id), "number": ticket.number}
        event = after(kind, named, seq=seq, details=details, **state)
        return event.model_copy(update={"actor": Actor(kind=actor)})

    def answer(self, ticket: Opened, body: str = ANSWER, quoted: str = "") -> MessagePosted:
        """A reply of ours."""
        return MessagePosted(
            ticket_id=ticket.id,
            message_id=MessageId(new_id()),
            author=Author(kind=ActorKind.AGENT, name="Ada Brook"),
            body=body,
            body_format=BodyFormat.HTML,
            channel=Channel.DESK,
            quoted=quoted,
            received_at=utc_now(),
        )

    async def tell(self, *events: Event) -> None:
        """Lets the portal learn of events."""
        await on_events(self.database, self._limits, [event.envelope(str(new_id()), utc_now()) for event in events])

    async def attach(self, ticket: Opened, name: str, state: AttachmentState) -> None:
        """A file to the first message; without bytes."""
        posted = self.answer(ticket, "<p>The files we found.</p>")
        await self.tell(posted)
        async with self.database.begin() as session:
            session.add(
                Attachment(
                    id=new_id(),
                    digest="0" * 64,
                    name=name,
                    media_type="application/pdf",
                    size=184_320,
                    state=state,
                    owner="test",
                    ticket_id=ticket.id,
                    message_id=posted.message_id,
                )
            )
