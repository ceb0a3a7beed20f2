"""Examples of what agents arrange around tickets and write beside them, and of what requesters say of the help."""

from datetime import date, datetime, timedelta
from uuid import UUID

from shared.contracts.base import AgentId, MessageId, TeamId, TicketId
from shared.contracts.events import (
    Author,
    CsatAsked,
    CsatRated,
    Event,
    IncidentChanged,
    MailBounced,
    MailPreferencesChanged,
    MailPreferencesSet,
    ReportReady,
    SideMessageReceived,
    SideMessageSent,
    TicketLinked,
    TicketSplit,
    TicketTaskChanged,
    TicketUnlinked,
)
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import BodyFormat


def arranged(ticket: TicketId, other: TicketId, actor: Actor, at: datetime) -> tuple[Event, ...]:
    """One example each."""
    side = MessageId(UUID("01990a4e-3c00-7000-8000-000000000075"))
    pair = {"ticket_id": ticket, "other_id": other}
    asked = {
        "ticket_id": ticket,
        "resolution": 9,
        "team_id": TeamId(UUID("01990a4e-3c00-7000-8000-000000000075")),
        "agent_id": AgentId(UUID("01990a4e-3c00-7000-8000-000000000076")),
        "asked_at": at,
    }
    return (
        ReportReady(
            schedule_id=UUID("01990a4e-3c00-7000-8000-000000000062"),
            agent_id=AgentId(UUID("01990a4e-3c00-7000-8000-000000000076")),
            name="Weekly figures",
            report="csat",
            first_day=date(2026, 11, 16),
            last_day=date(2026, 11, 22),
            address="/reports/csat?by=team&from=2026-11-16&to=2026-11-22&tz=UTC",
            csv="row,name,asked,rated\r\ntotal,,4,3\r\n",
            made_at=at,
        ),
        CsatAsked(**asked, open_until=at + timedelta(days=14)),
        CsatRated(**asked, score=5, comment="Quick and kind.", version=1, rated_at=at),
        TicketLinked(**pair, kind="duplicated_by", actor=actor, linked_at=at),
        TicketUnlinked(**pair, kind="duplicated_by", actor=actor, unlinked_at=at),
        TicketSplit(
            ticket_id=ticket,
            message_id=MessageId(UUID("01990a4e-3c00-7000-8000-000000000002")),
            new_ticket_id=other,
            subject="Cards are declined",
            actor=actor,
            split_at=at,
        ),
        TicketTaskChanged(
            ticket_id=ticket,
            task_id=UUID("01990a4e-3c00-7000-8000-000000000074"),
            change="done",
            is_blocking=True,
            is_done=True,
            actor=actor,
            changed_at=at,
        ),
        IncidentChanged(
            ticket_id=ticket, is_declared=True, public_title="Cards are declined", actor=actor, changed_at=at
        ),
        SideMessageSent(
            ticket_id=ticket,
            conversation_id=UUID("01990a4e-3c00-7000-8000-000000000077"),
            message_id=side,
            author=Author(kind=actor.kind, id=actor.id, name="Ada Agent"),
            email="support@supplier.example",
            subject="The line in Berlin",
            body="Is it down on your side?",
            body_format=BodyFormat.TEXT,
            sent_at=at,
        ),
        SideMessageReceived(
            ticket_id=ticket,
            message_id=MessageId(UUID("01990a4e-3c00-7000-8000-000000000076")),
            answered_id=side,
            author_name="Sam Supplier",
            body="Yes, it is; back at three.",
            body_format=BodyFormat.TEXT,
            mail_id="<answer@supplier.example>",
            received_at=at,
        ),
        MailPreferencesSet(address_key="3d0f" * 16, wanted="replies", changed_at=at),
        MailPreferencesChanged(ticket_id=ticket, address_key="5" * 64, wanted="replies", changed_at=at),
        MailBounced(
            ticket_id=ticket,
            message_id="<t.aea2f4q7nrz3d6dwy6z3iy4v4e.aea2f4q7nrz3d6dwy6z3iy4v4f@everdesk.example>",
            status="5.1.1",
            is_permanent=True,
            reason="550 5.1.1 the recipient: User unknown",
            bounced_at=at,
        ),
    )
