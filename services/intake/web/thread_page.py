"""Everything a thread's page shows, read in one transaction."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.intake.access.link_access import LinkAccess
from services.intake.access.organisation_access import find_membership
from services.intake.app_state import AppState
from services.intake.commands.known_incidents import find_known_incident
from services.intake.commands.merged_tickets import target_of
from services.intake.commands.participants import find_participant, list_participants
from services.intake.commands.satisfaction import find_survey
from services.intake.live.timeline_queries import awaits_follow_up, follow_ups_of, timeline_of
from services.intake.models import Attachment, Ticket
from services.intake.queries.people import addresses_of_person
from services.intake.queries.tickets import all_messages
from services.intake.renderings import rendered_bodies
from services.intake.web.form_questions import answers_shown_to_requester
from services.intake.web.labels import can, status_text
from services.intake.web.participants import ListedParticipant
from services.intake.web.thread_entries import ThreadView, entries
from shared.contracts.base import TicketId
from shared.contracts.vocabulary import Action, ParticipantState, Status
from shared.kit.addresses import address_key
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.mail_preferences import PreferenceLink
from shared.kit.satisfaction import SCORES

IN_COPY = {
    True: (ParticipantState.PROPOSED, ParticipantState.INVITED, ParticipantState.JOINED),
    False: (ParticipantState.JOINED,),
}
"""Whom the requester sees, who decides about them, and whom others in copy see."""
RATED_STATUSES = (Status.RESOLVED, Status.CLOSED)


async def view_of(state: AppState, token: str, visit: LinkAccess) -> dict[str, Any]:
    """The values of the templates `thread.html` and `thread_now.html`."""
    ticket = visit.ticket
    async with state.database.begin() as session:
        ticket = await session.get_one(Ticket, ticket.id)
        thread = await _read(session, ticket)
        before = await session.get(Ticket, ticket.follows) if ticket.follows else None
        shown = () if visit.is_colleague else IN_COPY[visit.is_requester]
        people = await list_participants(session, ticket.id, shown)
        membership = await find_membership(session, visit.link.email) if visit.link.is_mailed else None
        own = set(await addresses_of_person(session, visit.link.email))
        target = await target_of(session, ticket)
        target_link = await _link_to(session, state, visit, own, target) if target is not ticket else None
        survey = await find_survey(session, ticket.id) if visit.is_requester else None
        known_incident = await find_known_incident(session, ticket)
        is_followed = ticket.is_archived and await awaits_follow_up(session, ticket.id)
    thread = replace(thread, bodies=await rendered_bodies(state.database, state.renderer, thread.messages))
    links = _links(state, visit, own, [*thread.follow_ups, *([before] if before else [])])
    topic = await state.topics.of_ticket(ticket.topic_id)
    return {
        "ticket": ticket,
        "token": token,
        "visit": visit,
        "topic": topic,
        "answers": answers_shown_to_requester(topic, ticket.fields),
        "entries": entries(visit, thread, f"/t/{token}/files", links),
        "people": [ListedParticipant.of(one) for one in people],
        "last_event": thread.timeline[-1].id if thread.timeline else 0,
        "merged_into": target if target is not ticket else None,
        "merged_link": target_link,
        "known_incident": known_incident,
        "before": before,
        "before_link": links.get(before.id) if before else None,
        "standing": status_text(ticket),
        "is_followed": is_followed,
        "is_over": ticket.is_archived and not is_followed,
        "organisation": membership.organisation if membership and membership.may_read_all else None,
        "survey": survey,
        "can_rate": survey is not None and utc_now() < survey.open_until and ticket.status in RATED_STATUSES,
        "scores": SCORES,
        "preferences": _preferences(state, visit),
        "can_close": visit.is_requester and can(ticket, Action.CLOSE),
        "can_reopen": visit.is_requester and can(ticket, Action.REOPEN),
    }


def _preferences(state: AppState, visit: LinkAccess) -> str | None:
    """Where the reader chooses their mails; only for who came by mail, as nobody else is known to own the address."""
    if not visit.link.is_mailed or visit.is_colleague:
        return None
    return f"/mail-preferences/{state.preference_links.token(PreferenceLink(visit.link.ticket_id, visit.link.email))}"


async def _read(session: Session, ticket: Ticket) -> ThreadView:
    files = select(Attachment).where(
        Attachment.ticket_id == ticket.id, Attachment.message_id.is_not(None), Attachment.is_internal.is_(False)
    )
    return ThreadView(
        messages=await all_messages(session, ticket.id),
        timeline=await timeline_of(session, ticket.id),
        attachments=(await session.scalars(files.order_by(Attachment.created_at, Attachment.id))).all(),
        follow_ups=await follow_ups_of(session, ticket.id) if ticket.is_archived else (),
    )


async def _link_to(session: Session, state: AppState, visit: LinkAccess, own: set[str], target: Ticket) -> str | None:
    """The visitor's link to the ticket that theirs is part of, if they came by mail and may read it."""
    person = await find_participant(session, target.id, visit.link.email)
    takes_part = person is not None and person.state is ParticipantState.JOINED
    is_theirs = address_key(target.requester_email) in own
    if not visit.link.is_mailed or not (takes_part or is_theirs):
        return None
    return f"/t/{state.links.token(replace(visit.link, ticket_id=TicketId(target.id)))}"


def _links(state: AppState, visit: LinkAccess, own: set[str], tickets: Iterable[Ticket]) -> dict[UUID, str]:
    """Links to tickets of the same person; as old as the one that led here, so that none outlives it.

    A link that did not come by mail, such as client programs are given, opens its own ticket and no other.
    """
    if not visit.link.is_mailed:
        return {}
    return {
        ticket.id: f"/t/{state.links.token(replace(visit.link, ticket_id=TicketId(ticket.id)))}"
        for ticket in tickets
        if address_key(ticket.requester_email) in own
    }
