"""More paths of assignment: a ticket's page, people and organisations, incidents, ratings, saved and sent reports."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from services.assignment.commands.conversation.side_mail import TEMPLATE as SIDE_TEMPLATE
from services.assignment.commands.conversation.side_mail import (
    forget_side_messages,
    take_failed_mail,
    take_side_message,
)
from services.assignment.models import ReportSchedule, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.offers import list_offers
from services.assignment.queries.people.organisation_members import list_members, list_organisation_tickets
from services.assignment.queries.people.organisations import list_organisations, organisations_of
from services.assignment.queries.people.requester_lists import list_requesters
from services.assignment.queries.people.requesters import (
    find_requester_id,
    get_profile,
    list_notes,
    list_tickets_of,
)
from services.assignment.queries.periods import Period
from services.assignment.queries.ticket_page.conversation import list_entries
from services.assignment.queries.ticket_page.follow_ups import get_related
from services.assignment.queries.ticket_page.followers import list_followers
from services.assignment.queries.ticket_page.incidents import get_incident, list_children, list_incidents
from services.assignment.queries.ticket_page.links import list_links
from services.assignment.queries.ticket_page.merged_tickets import get_sources
from services.assignment.queries.ticket_page.participants import list_participants
from services.assignment.queries.ticket_page.requester_tickets import list_requester_tickets
from services.assignment.queries.ticket_page.side_conversations import list_side_conversations, messages_in
from services.assignment.queries.ticket_page.similar_tickets import find_similar_incident, list_similar
from services.assignment.queries.ticket_page.tasks import list_tasks
from services.assignment.queries.ticket_page.thread import list_thread
from services.assignment.queries.ticket_page.ticket_parts import get_ticket_parts
from services.assignment.queries.ticket_page.upcoming_timers import get_upcoming_timers
from services.assignment.reporting.report_schedules import list_schedules
from services.assignment.reporting.satisfaction import (
    RatingFilter,
    get_satisfaction_report,
    list_ratings,
    ratings_of_ticket,
)
from services.assignment.reporting.saved_reports import list_saved_reports
from services.assignment.schemas.incidents import ChildrenShown
from services.assignment.schemas.satisfaction import SatisfactionDimension
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import NotificationFailed, SideMessageReceived
from shared.contracts.events.side_conversations import side_event_id
from shared.contracts.vocabulary import BodyFormat
from shared.kit.auth import FileLinks
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session
from tests.support.growth.fill import A_TICKET, BUSY, RARE
from tests.support.growth.numbering import ticket_id
from tests.support.growth.query_plans import Path

MANY_PEOPLE = 100_000
"""Closed tickets with which there are more people, and more tickets of one, than are looked at for one page."""
AN_INCIDENT = ticket_id(-3)
AN_ANSWER = SideMessageReceived(
    ticket_id=TicketId(A_TICKET),
    message_id=MessageId(A_TICKET),
    answered_id=MessageId(A_TICKET),
    author_name="Sam",
    body="Done.",
    body_format=BodyFormat.TEXT,
    received_at=utc_now(),
)
A_FAILURE = NotificationFailed(
    delivery_id=A_TICKET,
    ticket_id=TicketId(A_TICKET),
    cause=side_event_id(A_TICKET),
    template=SIDE_TEMPLATE,
    reason="550",
    failed_at=utc_now(),
)
Asking = Callable[[Session], Awaitable[object]]


def paths(
    database: Database, settings: AssignmentSettings, callers: dict[str, Caller], agents: list[UUID]
) -> Iterator[Path]:
    """All of them."""
    files = FileLinks(settings)
    for name, ticket in (("over", A_TICKET), ("worked on", ticket_id(-6))):
        yield Path(f"a ticket that is {name}: its page's parts", _within(database, _page(files, ticket, agents[0])))
    for scope, caller in callers.items():
        for name, asking in _of_people(caller):
            yield Path(f"{name}, {scope}", _within(database, asking), MANY_PEOPLE)
        for name, asking in (*_of_incidents(caller), *_of_reports(caller)):
            yield Path(f"{name}, {scope}", _within(database, asking))
    yield Path("organisations, and that of an address", _within(database, _organisations))
    yield Path("the next report to be sent", _within(database, _next_report))
    yield Path("what is written to third parties, and their answers", _within(database, _third_parties(files)))


def _page(files: FileLinks, ticket: UUID, agent: UUID) -> Asking:
    async def ask(session: Session) -> None:
        sources = await get_sources(session, ticket)
        await get_ticket_parts(session, ticket, agent)
        await list_thread(session, files, ticket, 25, sources=sources)
        await list_entries(session, files, ticket, 25, None, sources=sources)
        await get_upcoming_timers(session, ticket)
        await list_tasks(session, ticket)
        await list_participants(session, ticket)
        await list_followers(session, ticket)
        await ratings_of_ticket(session, ticket)

    return ask


def _of_people(caller: Caller) -> Iterator[tuple[str, Asking]]:
    async def person(session: Session) -> None:
        found = await find_requester_id(session, BUSY)
        assert found is not None
        await get_profile(session, caller, found)
        await list_notes(session, found)
        await list_tickets_of(session, caller, [BUSY], 25, None)
        await list_requester_tickets(session, caller, BUSY, A_TICKET)

    async def organisation(session: Session) -> None:
        first = (await list_organisations(session))[0].id
        await list_organisation_tickets(session, caller, first, 25, None)

    async def members(session: Session) -> None:
        first = (await list_organisations(session))[0].id
        await list_members(session, caller, first, 25, None)

    yield "requesters, by name", lambda session: list_requesters(session, caller, "", 25, None)
    yield "requesters, found by an address", lambda session: list_requesters(session, caller, RARE, 25, None)
    yield "requesters, letters that many have", lambda session: list_requesters(session, caller, "a", 25, None)
    yield "requesters, a word that many have", lambda session: list_requesters(session, caller, "caller", 25, None)
    yield "requesters, a word that is nowhere", lambda session: list_requesters(session, caller, "xylophone", 25, None)
    yield "a requester's page", person
    yield "the members of an organisation", members
    yield "the tickets of an organisation", organisation


def _of_incidents(caller: Caller) -> Iterator[tuple[str, Asking]]:
    async def incident(session: Session) -> None:
        found = await session.get_one(Ticket, AN_INCIDENT)
        await get_incident(session, caller, found)
        await list_similar(session, caller, found, 20)
        await list_children(session, caller, A_TICKET, ChildrenShown.ALL, 25, None)

    async def related(session: Session) -> None:
        await get_related(session, caller, A_TICKET)
        await list_links(session, caller, A_TICKET)
        await find_similar_incident(session, caller, await session.get_one(Ticket, ticket_id(-6)))
        await list_offers(session, caller.agent_id)

    yield "major incidents that are open", lambda session: list_incidents(session, caller)
    yield "a major incident's page, and what is like it", incident
    yield "what a ticket is related to, and the incident it is like", related


def _of_reports(caller: Caller) -> Iterator[tuple[str, Asking]]:
    async def ratings(session: Session) -> None:
        now = utc_now()
        period = Period(now - timedelta(days=30), now)
        for group_by in SatisfactionDimension:
            await get_satisfaction_report(session, caller, period, group_by)
        await list_ratings(session, caller, period, RatingFilter(), 1)

    async def kept(session: Session) -> None:
        await list_saved_reports(session, caller)
        await list_schedules(session, caller)

    yield "satisfaction of 30 days", ratings
    yield "saved reports and schedules", kept


def _third_parties(files: FileLinks) -> Asking:
    async def ask(session: Session) -> None:
        await list_side_conversations(session, files, A_TICKET)
        await messages_in(session, [A_TICKET])
        await take_side_message(session, AN_ANSWER)
        await take_failed_mail(session, A_FAILURE)
        await forget_side_messages(session, [A_TICKET])

    return ask


async def _organisations(session: Session) -> None:
    await list_organisations(session)
    await organisations_of(session, ["caller20@org1.example", RARE])


async def _next_report(session: Session) -> None:
    due = select(ReportSchedule.id).where(~ReportSchedule.is_paused, ReportSchedule.next_due_at <= utc_now())
    await session.execute(due.order_by(ReportSchedule.next_due_at).limit(1))


def _within(database: Database, asking: Asking) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        async with database.begin() as session:
            await asking(session)

    return run
