"""What agents write by mail: a note, or a reply where the mail is known to be theirs and an administrator allows it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.execution.notes import NewNote, add_note
from services.assignment.models import Agent, Membership, Message, Role, Team, Ticket
from services.assignment.queries.access.callers import grant_of, reaches_team
from services.assignment.queries.ticket_page.tickets import ticket_place
from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import Author, MessagePosted, NoteReceived
from shared.contracts.vocabulary import ActorKind, Channel, Permission
from shared.domain.permissions import Principal, permissions_on
from shared.kit import outbox
from shared.kit.db import Session
from shared.kit.telemetry import log


@dataclass(frozen=True, slots=True)
class MailingAgent:
    """An active agent who wrote a mail, with everything their memberships grant."""

    principal: Principal
    name: str

    @property
    def agent_id(self) -> AgentId:
        """The agent's id."""
        return self.principal.agent_id

    @property
    def author(self) -> Author:
        """The agent as the writer of a message or note."""
        return Author(kind=ActorKind.AGENT, id=self.agent_id, name=self.name)


async def take_staff_mail(session: Session, mail: NoteReceived) -> None:
    """Keeps a mail with its ticket if its agent may see that and write notes; else it is left out, and logged."""
    ticket = await session.scalar(select(Ticket).where(Ticket.id == mail.ticket_id))
    agent = await _find_agent(session, mail.agent_id)
    held = permissions_on(agent.principal, ticket_place(ticket)) if agent and ticket else frozenset()
    if agent is None or ticket is None or Permission.TICKET_VIEW not in held:
        log.warning("staff_mail.refused", ticket_id=str(mail.ticket_id), agent_id=str(mail.agent_id))
    elif mail.is_reply and Permission.TICKET_REPLY in held and not ticket.is_archived:
        await _reply(session, agent, mail)
    elif Permission.TICKET_NOTE in held:
        note = NewNote(
            mail.message_id,
            mail.ticket_id,
            mail.body,
            mail.body_format,
            channel=Channel.EMAIL,
            attachments=mail.attachments,
        )
        await add_note(session, agent, note, mail.received_at)
    else:
        log.warning("staff_mail.not_permitted", ticket_id=str(mail.ticket_id), agent_id=str(mail.agent_id))


async def _find_agent(session: Session, agent_id: UUID) -> MailingAgent | None:
    rows = (
        await session.execute(
            select(Agent.name, Team.id.label("team_id"), Role.scope, Role.permissions)
            .outerjoin(Membership, Membership.agent_id == Agent.id)
            .outerjoin(Role, Role.id == Membership.role_id)
            .outerjoin(Team, reaches_team())
            .where(Agent.id == agent_id, Agent.is_active)
        )
    ).all()
    if not rows:
        return None
    grants = tuple(grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in rows if row.team_id)
    return MailingAgent(Principal(AgentId(agent_id), grants), rows[0].name)


async def _reply(session: Session, agent: MailingAgent, mail: NoteReceived) -> None:
    """A message to the requester, stored and announced once; the workflow hears of it by the announcement."""
    posted = await session.scalar(
        insert(Message)
        .values(
            id=mail.message_id,
            ticket_id=mail.ticket_id,
            author_kind=ActorKind.AGENT.value,
            author_id=agent.agent_id,
            author_name=agent.name,
            body=mail.body,
            body_format=mail.body_format.value,
            channel=Channel.EMAIL.value,
            attachments=[attachment.model_dump(mode="json") for attachment in mail.attachments],
            is_automatic=False,
            posted_at=mail.received_at,
        )
        .on_conflict_do_nothing()
        .returning(Message.id)
    )
    if posted is None:
        return
    event = MessagePosted(
        ticket_id=mail.ticket_id,
        message_id=mail.message_id,
        author=agent.author,
        body=mail.body,
        body_format=mail.body_format,
        channel=Channel.EMAIL,
        attachments=mail.attachments,
        received_at=mail.received_at,
    )
    await outbox.add(session, event, f"message:{mail.message_id}", mail.received_at)
