"""Whatever breaks, and when: each mail that was thanked for ends as something, once."""

import asyncio
import itertools
import os
import re
import sys
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosmtplib
import pytest
from sqlalchemy import update

from deploy.local.engines import Stack
from deploy.local.engines.ports import find_free_port
from services.intake.abuse.bans import BanList
from services.intake.attachments.object_store import ContentStore, StorageUnavailable
from services.intake.mail.parsing.parser_pool import ParserPool
from services.intake.mail.pipeline import processing, queue
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports import smtp
from services.intake.mail.transports.raw_mail_store import RawMailStore
from services.intake.models import RawMail, RawMailState
from shared.kit import worker_pool
from shared.kit.backoff import Backoff
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database
from shared.kit.worker_pool import WorkerDied, WorkerPool
from tests.services.intake.mail.mail_process import running
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.support.eventually import eventually
from tests.support.sizes import either

CORPUS = Path(os.environ.get("EVERDESK_TEST_DATA", "/nowhere")) / "mail"


async def test_a_store_that_is_away_means_later(post: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable("disk full")

    mail = letter()
    with monkeypatch.context() as broken:
        broken.setattr(ContentStore, "put", away)
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await post.hand_in(mail)
    assert refused.value.code == 451
    assert await post.stored(mail) is None
    await post.hand_in(mail)
    assert (await post.settled(mail)).state is RawMailState.DONE


async def test_a_store_that_goes_away_later_costs_no_attempt(post: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def away(*_: object) -> bytes:
        nonlocal asked
        asked += 1
        raise StorageUnavailable("no answer")

    mail = letter()
    with monkeypatch.context() as broken:
        broken.setattr(ContentStore, "read", away)
        await post.hand_in(mail)
        await eventually(lambda: asked >= 2)
    row = await post.settled(mail)
    assert (row.state, row.attempts) == (RawMailState.DONE, 0)


async def test_a_mail_that_cannot_be_processed_is_given_up_and_put_back(
    post: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_letter(*_: object) -> None:
        raise RuntimeError("a defect of ours")

    mail, later = letter(), letter("Written after it.")
    with monkeypatch.context() as broken:
        broken.setattr(queue, "MAIL_IN", Backoff((0,)))
        broken.setattr(processing, "inbound_message_of", broken_letter)
        await post.hand_in(mail)
        row = await post.settled(mail)
    assert (row.state, row.attempts) == (RawMailState.FAILED, post.settings.mail_attempts)
    assert "a defect of ours" in row.outcome
    await post.hand_in(later)
    assert (await post.settled(later)).state is RawMailState.DONE
    async with post.intake.database.begin() as session:
        assert await queue.requeue(session, row.id)
    assert (await post.settled(mail)).state is RawMailState.DONE


@pytest.mark.parametrize("ends_first", [False, True])
@pytest.mark.parametrize("breaks", ["import os; os._exit(1)", "import time; time.sleep(3)", "print('nonsense')"])
async def test_a_reader_that_breaks_says_so_in_time(
    monkeypatch: pytest.MonkeyPatch, breaks: str, ends_first: bool
) -> None:
    """Every process the reader starts is broken: nothing at all can be read."""

    async def start(_module: str, _arguments: Sequence[str]) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", breaks, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        if ends_first:
            await process.wait()
        return process

    monkeypatch.setattr(worker_pool, "_start", start)
    reader = ParserPool(1, 0.1)
    mail = await reader.read(letter().as_bytes(), "dana@bank.example")
    assert not mail.is_readable
    await reader.close()


async def test_a_mail_that_hangs_its_reader_still_says_whose_it_is(
    post: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = WorkerPool.submit

    async def slow_when_whole(self: WorkerPool, *frames: bytes) -> bytes:
        if b"hangs the reader" in frames[-1]:
            raise WorkerDied("TimeoutError", is_out_of_time=True)
        return await ask(self, *frames)

    monkeypatch.setattr(WorkerPool, "submit", slow_when_whole)
    mail = letter("This hangs the reader.", subject="Hard to read")
    row = await post.deliver(mail)
    assert row.ticket_id is not None
    ticket = await post.ticket(row.ticket_id)
    assert (ticket.subject, ticket.requester_email) == ("Hard to read", "dana@bank.example")
    (original,) = await post.files(ticket.id)
    assert (original.name, original.media_type) == ("original.eml", "message/rfc822")
    storage = ContentStore.connect(post.settings)
    assert b"This hangs the reader." in await storage.read(original.digest, original.size)


async def test_a_database_that_is_away_means_later(post: PostOffice) -> None:
    gone = post.settings.model_dump() | {"database_url": "postgresql+asyncpg://x:x@127.0.0.1:1/x", "mail_in_port": 0}
    settings = MailSettings(**gone)
    database = Database.connect(settings)
    reception = RawMailStore(database, ContentStore.connect(settings))
    server = await smtp.listen(settings, reception, BanList(post.intake.database))
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await PostOffice(port, post.intake, settings, post.admission).hand_in(letter())
    assert refused.value.code == 451
    server.close()


async def let_waits_run_out(post: PostOffice) -> None:
    """As after half a minute, for mails that were under way at two kills."""
    aside = update(RawMail).where(RawMail.outcome == queue.PUT_ASIDE)
    async with post.intake.database.begin() as session:
        await session.execute(aside.values(next_attempt_at=utc_now()))


async def settled_soon(post: PostOffice, mail: EmailMessage) -> RawMail:
    """The row of a mail, once it is known what became of it, without the waits."""

    async def row() -> RawMail:
        await let_waits_run_out(post)
        return await post.settled(mail, within=0)

    return await eventually(row, within=60)


async def retried_if_blamed(post: PostOffice, row: RawMail) -> None:
    """Does what an operator is told to do about a mail that was under way at three kills."""
    if row.outcome == queue.FATAL:
        async with post.intake.database.begin() as session:
            assert await queue.requeue(session, row.id)


async def test_what_was_thanked_for_survives_a_kill_and_is_there_once(
    engines: Stack, post: PostOffice, tmp_path: Path
) -> None:
    """Clients go on until they hear 250, whatever happens to the process in between."""
    mails = [letter(f"Number {number}.", **{"from": f"p{number}@many.example"}) for number in range(60)]
    port, handed_in = find_free_port(taken=frozenset()), 0
    crashing = PostOffice(port, post.intake, post.settings, post.admission)

    async def insist(mail: Any) -> None:
        nonlocal handed_in

        async def try_once() -> None:
            await crashing.hand_in(mail, sender=mail["from"])

        await eventually(try_once, within=60)
        handed_in += 1

    gate = asyncio.Semaphore(6)

    async def in_turn(mail: Any) -> None:
        async with gate:
            await insist(mail)

    sending = [asyncio.create_task(in_turn(mail)) for mail in mails]

    for enough in (5, 25, 45):
        async with running(engines, post, port, tmp_path / "mail.log"):
            await eventually(lambda enough=enough: handed_in >= enough, within=60)  # type: ignore[misc]
    async with running(engines, post, port, tmp_path / "mail.log"):
        await asyncio.gather(*sending)
        for row in [await settled_soon(post, mail) for mail in mails]:
            await retried_if_blamed(post, row)
        rows = [await settled_soon(post, mail) for mail in mails]
    assert {row.outcome for row in rows if row.state is not RawMailState.DONE} == set()
    assert len({row.ticket_id for row in rows}) == len(mails)
    for row in rows:
        assert row.ticket_id is not None
        assert len(await post.messages(row.ticket_id)) == 1


async def test_a_flood_of_one_waits_behind_everybody_else(post: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue names one mail of each sender, the least served first, and so many of each an hour."""
    name = new_id().hex
    flooder, quiet = f"{name}@flood.example", f"{name}@quiet.example"
    for _ in range(3):
        await post.deliver(letter(**{"from": flooder}), sender=flooder)
    heads = queue.MailQueue.heads

    async def none(*_: object) -> list[queue.WaitingMail]:
        return []

    mails = [letter(**{"from": flooder}), letter(**{"from": flooder}), letter(**{"from": quiet})]
    with monkeypatch.context() as paused:
        paused.setattr(queue.MailQueue, "heads", none)
        for mail in mails:
            await post.hand_in(mail, sender=mail["from"])
        first, second, others = [row.id for mail in mails if (row := await post.stored(mail))]

        async def named(per_hour: int, *busy: UUID) -> list[UUID]:
            found = await heads(queue.MailQueue(post.intake.database, per_hour=per_hour, attempts=1), busy)
            return [mail.id for mail in found if mail.id in (first, second, others)]

        assert await named(100) == [others, first]
        assert first not in await named(3)
        assert first not in await named(100, first)
    assert {(await post.settled(mail)).state for mail in mails} == {RawMailState.DONE}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="set EVERDESK_TEST_DATA to the folder with mail/")
@pytest.mark.soak
async def test_every_mail_of_the_corpus_becomes_something_with_a_name(post: PostOffice) -> None:
    raws = [path.read_bytes() for path in sorted(CORPUS.rglob("*.eml"))]
    assert len(raws) > 100
    raws = raws[:: either(3, 1)]
    senders = itertools.cycle(f"sender-{number}@corpus.example" for number in range(20))
    for raw, sender in zip(raws, senders, strict=False):
        await post.hand_in(normal(raw), sender=sender)
    outcomes = [await post.settled(normal(raw), within=60) for raw in raws]
    assert {row.state for row in outcomes} <= {RawMailState.DONE, RawMailState.IGNORED}
    for row in outcomes:
        if row.state is RawMailState.DONE:
            assert row.ticket_id is not None
            assert row.message_id in {message.id for message in await post.messages(row.ticket_id)}
        else:
            assert re.match("a loop|a bounce of|the sender is banned", row.outcome), row.outcome


def normal(raw: bytes) -> bytes:
    """As a client has to send it."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
