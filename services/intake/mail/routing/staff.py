"""Which agent a mail comes from, and what it is about: looked up in the projection of agents and in our Message-IDs."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from services.intake.mail.parsing.auto_reply_detection import has_automatic_subject
from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.routing.decision import MACHINES, NamedTicket, SenderStanding, Staff
from services.intake.models import Agent
from shared.kit.addresses import address_key
from shared.kit.auth import MailAudience, MailReference, MailThreads
from shared.kit.db import Session

MOST_AGENTS = 10_000
"""Agents among whom the holder of a Message-ID is looked for."""


class StaffMail:
    """Tells the mail of staff from that of everybody else."""

    def __init__(self, threads: MailThreads, trusted_servers: Iterable[str]) -> None:
        self._threads = threads
        self.trusted = frozenset(trusted_servers)
        """The mail servers whose word about a sender counts."""

    async def find(
        self,
        session: Session,
        mail: ReadMail,
        sender: str,
        named: tuple[NamedTicket, ...],
        numbered: NamedTicket | None,
    ) -> Staff | None:
        """What staff's mail is about; None for a requester's, a participant's and any other.

        `named` are the tickets that the Message-IDs in the mail name, the nearest first; a number counts for members,
        and for agents whose mail is known to be theirs, as anybody can write it.
        """
        agent_id = await _agent_at(session, sender)
        answered = self._answered(mail, named, is_agent=agent_id is not None)
        if agent_id is None and answered is None:
            return None
        is_automatic = mail.nature in MACHINES or has_automatic_subject(mail.subject)
        if agent_id is None and answered is not None:
            holder = await self._holder_of(session, answered)
            return Staff(holder, answered.ticket_id, is_automatic=is_automatic)
        if answered is None and any(one.is_member for one in (*named, *filter(None, (numbered,)))):
            return None
        is_verified = mail.authenticated_by is not None and mail.authenticated_by in self.trusted
        about = answered.ticket_id if answered else next((one.ticket_id for one in named), None)
        if about is None and numbered is not None and is_verified:
            about = numbered.ticket_id
        return Staff(agent_id, about, is_verified=is_verified, is_automatic=is_automatic)

    def _answered(self, mail: ReadMail, named: tuple[NamedTicket, ...], *, is_agent: bool) -> MailReference | None:
        """The mail to staff that is answered; None where a requester goes on in their own thread."""
        own = {one.ticket_id for one in named if one.standing is SenderStanding.REQUESTER}
        read = (self._threads.read_reference(message_id) for message_id in mail.thread_ids)
        known = {one.ticket_id for one in named}
        references = [one for one in read if one is not None and one.ticket_id in known]
        staff = [one for one in references if one.audience is MailAudience.STAFF]
        if not staff:
            return None
        is_own = staff[0].ticket_id in own
        return None if is_own and (not is_agent or references[0] is not staff[0]) else staff[0]

    async def _holder_of(self, session: Session, answered: MailReference) -> UUID | None:
        """The agent to whom a mail of ours went."""
        agents = await session.execute(select(Agent.id, Agent.email).where(Agent.is_active).limit(MOST_AGENTS))
        return next((row.id for row in agents if self._threads.was_sent_to(answered, row.email)), None)


async def _agent_at(session: Session, address: str) -> UUID | None:
    at = select(Agent.id).where(Agent.email == address_key(address), Agent.is_active)
    return await session.scalar(at.order_by(Agent.id).limit(1))
