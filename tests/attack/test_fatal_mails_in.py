"""A mail that ends the process that reads it: marked before the work, put aside, given up the
fourth time, and retried by hand."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from services.intake.mail.pipeline.processing import MailPipeline
from services.intake.mail.pipeline.queue import BEGUN_MARKS, FATAL, PUT_ASIDE, MailQueue, SettledMail, requeue
from services.intake.models import RawMail, RawMailState
from shared.kit.clock import new_id, utc_now
from tests.services.intake.conftest import intake, settings  # noqa: F401 - fixtures
from tests.services.intake.harness import IntakeHarness
from tests.support.eventually import eventually
from tests.support.service_engines import engines_of

engines = engines_of("intake")


async def waiting_mail(intake: IntakeHarness, sender: str = "", outcome: str = "") -> UUID:  # noqa: F811
    """A mail that waits; no process of ours looks for it here."""
    mail = RawMail(
        id=new_id(),
        identity=new_id().hex,
        digest="0" * 64,
        size=1,
        source="smtp",
        sender=sender,
        mailbox=sender,
        recipients=[],
        received_at=utc_now(),
        state=RawMailState.RECEIVED,
        outcome=outcome,
    )
    async with intake.database.begin() as session:
        session.add(mail)
    return mail.id


@pytest.fixture
async def mail_id(intake: IntakeHarness) -> UUID:  # noqa: F811
    """One of them, of nobody."""
    return await waiting_mail(intake)


async def stored(intake: IntakeHarness, mail_id: UUID) -> tuple[RawMailState, str]:  # noqa: F811
    """How the mail stands."""
    async with intake.database.begin() as session:
        mail = await session.get_one(RawMail, mail_id)
        return mail.state, mail.outcome


async def test_a_mail_that_ends_its_process_is_put_aside_then_given_up_and_can_be_retried(
    intake: IntakeHarness,  # noqa: F811
    mail_id: UUID,
) -> None:
    queue = MailQueue(intake.database, per_hour=60, attempts=6)
    first, again, last = BEGUN_MARKS
    for words in (first, again):
        assert await queue.mark_begun(mail_id, is_ours=False)
        assert await stored(intake, mail_id) == (RawMailState.RECEIVED, words)
    assert not await queue.mark_begun(mail_id, is_ours=False)
    assert await stored(intake, mail_id) == (RawMailState.RECEIVED, PUT_ASIDE)
    assert mail_id not in {mail.id for mail in await queue.heads(())}, "not before the pause is over"
    assert await queue.mark_begun(mail_id, is_ours=False)
    assert await stored(intake, mail_id) == (RawMailState.RECEIVED, last)
    assert not await queue.mark_begun(mail_id, is_ours=False)
    assert await stored(intake, mail_id) == (RawMailState.FAILED, FATAL)
    async with intake.database.begin() as session:
        assert await requeue(session, mail_id)
    assert await queue.mark_begun(mail_id, is_ours=False)


async def test_a_process_that_lives_counts_no_crash_of_its_own(intake: IntakeHarness, mail_id: UUID) -> None:  # noqa: F811
    queue = MailQueue(intake.database, per_hour=60, attempts=6)
    for _ in range(5):
        assert await queue.mark_begun(mail_id, is_ours=True)
    await queue.release([mail_id])
    assert await stored(intake, mail_id) == (RawMailState.RECEIVED, "")


async def test_a_mail_at_which_a_process_ended_is_processed_alone(
    intake: IntakeHarness,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else those that happen to be beside it are given up with it."""
    marks = {await waiting_mail(intake, new_id().hex, mark): mark for mark in [""] * 4 + [BEGUN_MARKS[0]] * 4}
    under_way: set[UUID] = set()
    beside: dict[UUID, int] = {}

    async def process(_self: MailPipeline, mail_id: UUID) -> SettledMail:
        under_way.add(mail_id)
        await asyncio.sleep(0.02)
        beside[mail_id] = len(under_way)
        async with intake.database.begin() as session:
            mail = await session.get_one(RawMail, mail_id)
            mail.state, mail.settled_at = RawMailState.DONE, utc_now()
        under_way.discard(mail_id)
        return SettledMail(RawMailState.DONE, "")

    monkeypatch.setattr(MailPipeline, "process", process)
    queue = MailQueue(intake.database, per_hour=60, attempts=6)
    state: Any = SimpleNamespace(queue=queue)
    options: Any = SimpleNamespace(mail_workers=4, mailboxes=(), mail_pace_seconds=0)
    pipeline = MailPipeline(state, options)
    running = asyncio.create_task(pipeline.run())

    async def all_done() -> None:
        assert set(marks) <= set(beside)

    await eventually(all_done)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {beside[mail_id] for mail_id, mark in marks.items() if mark} == {1}
    assert max(beside[mail_id] for mail_id, mark in marks.items() if not mark) > 1
