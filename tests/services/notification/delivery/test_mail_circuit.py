"""A mail server that is down: left alone after a few failures, tried with one mail, and blamed on no mail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.notification.consumers import Notifier
from services.notification.delivery import mail_circuit, sender
from services.notification.delivery.lost_mails import ITS_DOING, LostMails
from services.notification.delivery.mail_circuit import MailCircuit, MailCircuitState, read_circuit
from services.notification.delivery.queue import DeliveryQueue
from services.notification.delivery.sender import Sender
from services.notification.models import Delivery
from services.notification.models.mail_circuit import mail_circuit as circuits
from services.notification.recipients.held_mails import drop_unseen
from services.notification.settings import NotificationSettings
from shared.kit.auth import MailThreads
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus
from shared.kit.clock import new_id
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.mail_server import MailServer
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

SHORT = timedelta(seconds=2)


@pytest.fixture
async def database(settings: NotificationSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """The circuit opens soon, and not for long."""
    monkeypatch.setattr(mail_circuit, "OPENS_AFTER", 2)
    monkeypatch.setattr(mail_circuit, "PAUSES", Backoff((0.6,)))
    monkeypatch.setattr(sender, "PATIENT", Backoff((0.05,)))
    database = Database.connect(settings)
    yield database
    await MailCircuit(database).note_success()
    await database.dispose()


@asynccontextmanager
async def sending(database: Database, settings: NotificationSettings) -> AsyncIterator[None]:
    async def nothing_to_settle() -> None: ...

    task = asyncio.create_task(Sender(DeliveryQueue(database, SHORT, drop_unseen), settings, nothing_to_settle).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def decide(database: Database, settings: NotificationSettings, *stories: TicketEvents) -> None:
    threads = MailThreads(settings, settings.mail_domain)
    notifier = Notifier(database, Bus(settings, "test"), threads, RequesterIds(settings), on_commit=lambda: None)
    await notifier.on_events([story.submitted() for story in stories])


async def state(database: Database) -> MailCircuitState:
    async with database.begin() as session:
        return await read_circuit(session)


async def rows(database: Database, *stories: TicketEvents) -> list[tuple[str, int]]:
    async with database.begin() as session:
        query = select(Delivery.status, Delivery.attempts)
        found = await session.execute(query.where(Delivery.ticket_id.in_([story.ticket_id for story in stories])))
        return sorted((row.status, row.attempts) for row in found)


async def is_open(database: Database) -> bool:
    return (await state(database)).open_until is not None


async def test_a_dead_server_is_left_alone_and_loses_no_mail(
    settings: NotificationSettings, database: Database, mail_server: MailServer
) -> None:
    stories = [TicketEvents() for _ in range(12)]
    await decide(database, settings, *stories)
    await mail_server.stop()
    try:
        async with sending(database, settings):
            await eventually(lambda: is_open(database), within=10)
            assert (await state(database)).failures >= 2
            assert await rows(database, *stories) == [("queued", 0)] * 12
            await mail_server.start()
            await eventually(lambda: all(mail_server.about(story.number) for story in stories), within=20)
            await eventually(lambda: _are_sent_at_the_first_attempt(database, stories))
            assert await state(database) == MailCircuitState()
    finally:
        await mail_server.start()
    assert {len(mail_server.about(story.number)) for story in stories} == {1}


async def test_a_server_that_closes_every_connection_is_blamed_on_no_mail(
    settings: NotificationSettings, database: Database, mail_server: MailServer
) -> None:
    story = TicketEvents()
    mail_server.refusals[story.requester] = ["421 4.3.2 Shutting down"] * 5
    await decide(database, settings, story)
    async with sending(database, settings):
        await eventually(lambda: is_open(database), within=10)
        await eventually(lambda: mail_server.about(story.number), within=20)
        await eventually(lambda: _are_sent_at_the_first_attempt(database, [story]))
    assert not await is_open(database)


async def _are_sent_at_the_first_attempt(database: Database, stories: list[TicketEvents]) -> bool:
    return await rows(database, *stories) == [("sent", 1)] * len(stories)


async def test_of_many_processes_one_makes_the_trial(database: Database) -> None:
    circuits = [MailCircuit(database) for _ in range(4)]
    for _ in range(2):
        await circuits[0].note_failure("connection refused")
    assert [permit.pause is not None for permit in [await one.ask() for one in circuits]] == [True] * 4
    await eventually(lambda: _is_over(database), within=5)
    permits = await asyncio.gather(*(one.ask() for one in circuits))
    assert [permit.is_trial for permit in permits].count(True) == 1
    assert sum(permit.pause is not None for permit in permits) == 3


async def _is_over(database: Database) -> bool:
    async with database.single() as connection:
        query = select(circuits.c.id).where(circuits.c.open_until <= func.now())
        return (await connection.scalar(query)) is not None


def test_only_a_mail_at_which_the_server_leaves_while_it_takes_others_is_blamed() -> None:
    lost, poison, other = LostMails(), _an_id(), _an_id()
    assert not any(lost.is_its_doing(poison) for _ in range(20)), "the server ends every connection"
    for _ in range(ITS_DOING - 2):
        lost.forget(other)
        assert not lost.is_its_doing(poison)
    lost.forget(other)
    assert lost.is_its_doing(poison)


def _an_id() -> UUID:
    return UUID(str(new_id()))
