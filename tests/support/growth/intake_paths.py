"""The paths of intake: what requests, mails, live pages and recurring jobs ask."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from services.intake.abuse.admission_control import COUNT_OPEN_TICKETS
from services.intake.alerts.follow_through import forget_old_alerts
from services.intake.attachments.garbage_collection import collect_garbage
from services.intake.attachments.malware_scan import pending_files
from services.intake.attachments.object_store import ContentStore
from services.intake.commands.mail_preferences import find_wanted
from services.intake.commands.participants import find_participant
from services.intake.commands.satisfaction import find_survey
from services.intake.live.timeline_queries import entries_after, follow_ups_of, is_over
from services.intake.mail.pipeline.mail_queries import page_of_mails
from services.intake.mail.pipeline.queue import MailQueue, count_by_state
from services.intake.models import MailAncestor, MailId, RawMailState, SideMail
from services.intake.privacy.export import Exporter
from services.intake.privacy.requester_erasure import remove_written
from services.intake.privacy.retention import Retention
from services.intake.privacy.side_mails import erase_side_mails, keep_side_mails
from services.intake.privacy.subject_data import SubjectData, find_subject_data
from services.intake.queries.people import addresses_of_person
from services.intake.queries.requester_names import find_known_name
from services.intake.queries.tickets import list_tickets
from services.intake.schemas import TicketFilters
from services.intake.settings import IntakeSettings, RetentionPolicy
from services.intake.similar_tickets import Proof, similar_tickets
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, SideMessageReceived, SideMessageSent
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Status
from shared.kit import inbox, outbox
from shared.kit.auth import TicketLinks
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session
from shared.kit.http import idempotency
from shared.kit.requester_ids import RequesterIds
from shared.kit.user_content.renderer import BodyRenderer
from tests.support.growth.fill import BUSY, KEY, RARE
from tests.support.growth.query_plans import Path

YEARS = timedelta(days=36_500)
NOBODY, NOTHING = "nobody@example.org", MessageId(UUID(int=7))
THIRD_PARTIES = (
    SideMessageSent(
        ticket_id=TicketId(NOTHING),
        conversation_id=NOTHING,
        message_id=NOTHING,
        author=Author(kind=ActorKind.AGENT, id=NOTHING, name="Ada"),
        email=NOBODY,
        subject="Line",
        body="Down?",
        body_format=BodyFormat.TEXT,
        sent_at=utc_now(),
    ),
    SideMessageReceived(
        ticket_id=TicketId(NOTHING),
        message_id=MessageId(UUID(int=8)),
        answered_id=NOTHING,
        body="Yes.",
        body_format=BodyFormat.TEXT,
        received_at=utc_now(),
    ),
)
Asking = Callable[[Session], Awaitable[object]]


def paths(database: Database, settings: IntakeSettings, ticket_id: UUID) -> Iterator[Path]:
    """All of them."""
    storage, ids, links = ContentStore.connect(settings), RequesterIds(settings), TicketLinks(settings)
    retention = Retention(database, links, RetentionPolicy(YEARS, YEARS))
    queue = MailQueue(database, per_hour=100, attempts=5)
    of_ticket = (*_of_tickets(ticket_id), *_of_what_is_new(ticket_id))
    for name, asking in (*of_ticket, *_of_keys(), *_of_mails(), *_of_upkeep(ids)):
        yield Path(name, _within(database, asking))
    yield Path("mail: whose turn it is", lambda: _quietly(queue.heads(())))
    yield Path("tidying files", lambda: _quietly(collect_garbage(database, storage, timedelta(hours=24))))
    yield Path("retention", lambda: _quietly(retention.delete_expired()))
    yield Path("personal data of a requester is handed out", lambda: _handed_out(database, storage))
    yield Path("files to be scanned", lambda: _quietly(pending_files(database, UUID(int=0))))
    yield Path("readiness: the outbox", lambda: _quietly(outbox.check_age(database)))


def _of_tickets(ticket_id: UUID) -> Iterator[tuple[str, Asking]]:
    counted = {"requester_email": BUSY, "scope": None, "key": None}
    yield "open tickets of a requester", lambda session: session.execute(COUNT_OPEN_TICKETS, counted)
    yield "similar requests", lambda session: similar_tickets(session, Proof(BUSY, utc_now()), "Printer is on fire")
    yield "a live page: what is new", lambda session: entries_after(session, ticket_id, 0)
    yield "a live page: is it over", lambda session: is_over(session, ticket_id)
    yield "follow-ups of a ticket", lambda session: follow_ups_of(session, ticket_id)


def _of_what_is_new(ticket_id: UUID) -> Iterator[tuple[str, Asking]]:
    yield "the question about a resolution", lambda session: find_survey(session, ticket_id)
    yield "the addresses of a person", lambda session: addresses_of_person(session, BUSY)
    yield "the name of somebody who wrote before", lambda session: find_known_name(session, BUSY)
    yield "the name of somebody who never wrote", lambda session: find_known_name(session, "new@example.org")
    yield "alerts are forgotten", forget_old_alerts
    yield "which mails somebody wants", lambda session: find_wanted(session, RARE)
    yield "somebody in copy who chooses their mails", lambda session: find_participant(session, ticket_id, RARE)


def _of_keys() -> Iterator[tuple[str, Asking]]:
    now = utc_now()
    filters = {
        "all": TicketFilters(),
        "open": TicketFilters(status=Status.OPEN),
        "closed": TicketFilters(status=Status.CLOSED),
        "of a requester": TicketFilters(requester=RARE),
        "by mail": TicketFilters(channel=Channel.EMAIL),
        "changed lately": TicketFilters(updated_from=now - timedelta(hours=1)),
        "created lately": TicketFilters(created_from=now - timedelta(hours=1)),
        "of a number": TicketFilters(number="100001"),
    }
    for name, one in filters.items():
        yield f"API: tickets of a key, {name}", _of_key(one, None)
    yield "API: tickets of a key, of a topic nobody uses", _of_key(TicketFilters(), UUID(int=7))


def _of_key(filters: TicketFilters, topic_id: UUID | None) -> Asking:
    return lambda session: list_tickets(session, KEY, filters, topic_id)


def _of_mails() -> Iterator[tuple[str, Asking]]:
    yield "mail: how many wait", count_by_state
    for state in RawMailState:
        yield f"mails that are {state}", _page(state, None)
        yield f"mails of somebody that are {state}", _page(state, RARE)
    named = ["<1@example.org>", "<nobody@example.org>"]
    yield (
        "mail: the ticket it answers",
        lambda session: session.execute(select(MailId).where(MailId.mail_id.in_(named))),
    )
    yield (
        "mail: the thread it belongs to",
        lambda session: session.execute(select(MailAncestor).where(MailAncestor.mail_id.in_(named))),
    )


def _page(state: RawMailState, sender: str | None) -> Asking:
    return lambda session: page_of_mails(session, state, sender, 50, None)


def _of_upkeep(ids: RequesterIds) -> Iterator[tuple[str, Asking]]:
    yield "personal data of a requester", lambda session: find_subject_data(session, ids, RARE)
    yield "personal data of a requester is erased", _nobody_is_erased
    yield "what third parties wrote", lambda session: keep_side_mails(session, ids, THIRD_PARTIES)
    yield "what third parties wrote is erased", lambda session: erase_side_mails(session, [NOTHING])
    yield "stored answers are forgotten", lambda session: idempotency.forget_older_than(session, timedelta(hours=24))
    yield "the inbox is forgotten", lambda session: inbox.forget_older_than(session, timedelta(days=8))


async def _handed_out(database: Database, storage: ContentStore) -> None:
    """What somebody wrote and answered beside others' tickets."""
    beside = SideMail(message_id=NOTHING, ticket_id=NOTHING, requester_id=NOTHING)
    counts = {"messages": 0, "files": 0, "mails": 0}
    held = SubjectData(RARE, (RARE,), NOTHING, (), (), took_part_in=(NOTHING,), side_mails=(beside,), **counts)
    pages: Any = SimpleNamespace(text=lambda *_, **__: "")
    async for _ in Exporter(database, storage, pages, BodyRenderer()).stream(held):
        pass


async def _nobody_is_erased(session: Session) -> None:
    await remove_written(session, [NOBODY, RARE[1:]], [NOTHING])


def _within(database: Database, asking: Asking) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        async with database.begin() as session:
            await session.execute(text("select 1"))
            await asking(session)

    return run


async def _quietly(doing: Awaitable[object]) -> None:
    await doing
