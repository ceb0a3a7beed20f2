"""From a kept mail to what it becomes: read, decide, write, all of it in the transaction that settles the mail."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from services.intake.abuse.admission_control import AdmissionControl, EntryPoint
from services.intake.abuse.refusals import BANNED
from services.intake.attachments.object_store import ContentStore, StorageUnavailable
from services.intake.mail.parsing.inbound_message import inbound_message_of
from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.parsing.parser_pool import ParserPool
from services.intake.mail.pipeline.pace import PacedMail, SenderPace
from services.intake.mail.pipeline.persist import MailPersister
from services.intake.mail.pipeline.queue import MailQueue, SettledMail, WaitingMail, claim, hold, settle
from services.intake.mail.routing.decision import (
    AddNote,
    AddSideMessage,
    AppendMessage,
    Decision,
    IgnoreMail,
    OpenTicketFromMail,
    decide,
)
from services.intake.mail.routing.lookup import RoutingLookup, newest_open_ticket
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.smtp import SOURCE as SMTP
from services.intake.models import RawMail, RawMailState
from services.intake.topic_cache import TopicCache
from shared.contracts.redaction import redacted
from shared.kit.addresses import address_key
from shared.kit.backoff import PATIENT, retry
from shared.kit.db import Database, Session
from shared.kit.http.problems import Problem
from shared.kit.outages import is_unreachable, unless_away
from shared.kit.telemetry import MAILS_IN, log

SWEEP_SECONDS = 5.0
SOMEBODY_ELSES_SECONDS = 0.2
"""How long a mail is left alone that another process has under way."""
ASKING_TAKES = 0.1
"""The share of time that is spent on asking whose turn it is, which takes long where very many wait."""
MOST_UNASKED_SECONDS = 1.0
NOT_YET = timedelta(minutes=5)


class MailNotReady(Exception):
    """The sender has opened so many tickets lately that this one has to wait."""


@dataclass(frozen=True, slots=True)
class PipelineState:
    """What processing needs, put together once in `process`."""

    database: Database
    storage: ContentStore
    parser: ParserPool
    queue: MailQueue
    lookup: RoutingLookup
    persister: MailPersister
    topics: TopicCache
    admission: AdmissionControl


class MailPipeline:
    """Works on several senders' mails at once, on each sender's one after another."""

    def __init__(self, state: PipelineState, settings: MailSettings) -> None:
        self._state = state
        self._workers = settings.mail_workers
        self._mail_servers = {SMTP, *(mailbox.name for mailbox in settings.mailboxes)}
        """Sources whose Authentication-Results may be trusted: what a client hands over, it may have written itself."""
        self._topic_of_source = {mailbox.name: mailbox.topic for mailbox in settings.mailboxes}
        self._pace = SenderPace(settings.mail_pace_seconds)
        self._woken = asyncio.Event()
        self._ask_at = 0.0
        self._busy: dict[UUID, asyncio.Task[None]] = {}
        self._begun: set[UUID] = set()
        """Mails marked as begun by this process, which lives: their mark tells of no crash."""

    def wake(self) -> None:
        """Says that there is a new mail."""
        self._woken.set()

    async def run(self) -> None:
        """For ever. While the database or the store is away it waits; no attempt is counted for that."""
        try:
            while True:
                self._woken.clear()
                await retry(self._work_off, PATIENT, is_away, _log_wait)
                await self._wait_for_mail(SWEEP_SECONDS)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            if self._begun:
                with unless_away():
                    await self._state.queue.release(self._begun)

    async def _work_off(self) -> None:
        """Until nothing is left that may be processed now.

        A mail at which a process ended is processed alone, so that those beside it are not blamed for the next end.
        Mails of somebody who has sent many lately are left for a moment, and those of others are not behind them.
        """
        while True:
            heads = await self._heads()
            if not heads and not self._busy:
                return
            ready = [mail for mail in heads if self._pace.wait_of(mail.paced) <= 0]
            for mail in ready:
                await self._begin(mail)
            if self._busy:
                await self._next()
            elif not ready:
                await self._wait_for_mail(min(self._pace.wait_of(mail.paced) for mail in heads))

    async def _heads(self) -> list[WaitingMail]:
        """The mails whose turn it is, asked for only so often that the asking itself slows nobody."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._ask_at - loop.time()))
        self._woken.clear()
        begun = loop.time()
        heads = await self._state.queue.heads(self._busy)
        now = loop.time()
        self._ask_at = now + min((now - begun) * (1 / ASKING_TAKES - 1), MOST_UNASKED_SECONDS)
        return heads

    async def _begin(self, mail: WaitingMail) -> None:
        """Starts on a mail once a worker is free, unless by then its sender's pace leaves it for later."""
        if self._pace.wait_of(mail.paced) > 0:
            return
        is_alone = mail.is_suspect and mail.id not in self._begun
        while len(self._busy) >= (1 if is_alone else self._workers):
            await self._next()
        if self._pace.wait_of(mail.paced) > 0:
            return
        self._pace.count(mail.paced)
        self._busy[mail.id] = asyncio.create_task(self._process(mail.id, mail.paced))
        while is_alone and mail.id in self._busy:
            await self._next()

    async def _wait_for_mail(self, seconds: float) -> None:
        """Until there is a new mail, and no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _next(self) -> None:
        """Waits for a free worker, or new mail. Raises what a worker could not do because something is away."""
        woken = asyncio.create_task(self._woken.wait())
        done, _ = await asyncio.wait({woken, *self._busy.values()}, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self._woken.clear()
        self._busy = {mail_id: task for mail_id, task in self._busy.items() if task not in done}
        for task in done - {woken}:
            await task

    async def _process(self, mail_id: UUID, paced: PacedMail) -> None:
        try:
            settled = await self.process(mail_id)
        except MailNotReady:
            await self._state.queue.postpone(mail_id, NOT_YET)
            self._begun.discard(mail_id)
            return
        except Exception as error:
            if is_away(error):
                raise
            is_over = await self._state.queue.mark_failed(mail_id, error)
            self._begun.discard(mail_id)
            log.error("mail_in.not_processed", mail_id=str(mail_id), is_over=is_over, exc_info=error)
            MAILS_IN.labels("processing", "failed" if is_over else "retried").inc()
            return
        if settled is None:
            await asyncio.sleep(SOMEBODY_ELSES_SECONDS)
        else:
            self._pace.count_guests(paced, settled.guests)
            MAILS_IN.labels("processing", settled.state.value).inc()

    async def process(self, mail_id: UUID) -> SettledMail | None:
        """Settles one mail; None if somebody else does, or has, or it is given up."""
        async with self._state.database.begin() as session:
            if not await hold(session, mail_id):
                return None
            if not await self._state.queue.mark_begun(mail_id, is_ours=mail_id in self._begun):
                return None
            self._begun.add(mail_id)
            stored = await claim(session, mail_id)
            if stored is None:
                self._begun.discard(mail_id)
                return None
            settled = await self._settled(session, stored)
            settle(stored, settled)
        self._begun.discard(mail_id)
        return settled

    async def _settled(self, session: Session, stored: RawMail) -> SettledMail:
        state = self._state
        raw = await state.storage.read(stored.digest, stored.size)
        mail = await self._read(stored, raw)
        letter = inbound_message_of(mail, raw, stored.sender)
        asking = letter.on_behalf(mail, state.lookup.own)
        facts = await state.lookup.facts_of(session, mail, letter.sender, asking.sender, stored.received_at)
        decision = decide(facts)
        await state.lookup.note_bounces(session, mail, stored)
        is_new = isinstance(decision, OpenTicketFromMail)
        if stored.is_forced and isinstance(decision, IgnoreMail):
            decision = OpenTicketFromMail(is_automatic=mail.is_automatic, acknowledge=False)
            is_new = True
        elif isinstance(decision, OpenTicketFromMail) and asking.is_answerable:
            decision = await self._admitted(session, asking.sender, decision)
        if is_new and mail.quoted:
            mail = await self._read(stored, raw, is_opening=True)
            letter = inbound_message_of(mail, raw, stored.sender)
            asking = letter.on_behalf(mail, state.lookup.own)
        match decision:
            case IgnoreMail(reason):
                stored.subject, stored.author = redacted(asking.subject), address_key(letter.sender)
                return SettledMail(RawMailState.IGNORED, reason)
            case AppendMessage():
                written = asking if decision.is_on_behalf else letter
                return await state.persister.append(session, stored, mail, written, decision)
            case AddNote():
                return await state.persister.add_note(session, stored, letter, decision)
            case AddSideMessage():
                return await state.persister.add_side_message(session, stored, mail, letter, decision)
            case OpenTicketFromMail():
                topic_id = await self._topic_of(stored)
                return await state.persister.open(session, stored, mail, asking, decision, topic_id)

    async def _read(self, stored: RawMail, raw: bytes, *, is_opening: bool = False) -> ReadMail:
        """What a mail says; only once it is known to open a ticket is it known that nobody has read what it quotes."""
        sender = stored.sender if stored.source == SMTP else None
        mail = await self._state.parser.read(raw, sender, is_opening=is_opening)
        return mail if stored.source in self._mail_servers else replace(mail, authenticated_by=None)

    async def _admitted(self, session: Session, sender: str, wanted: OpenTicketFromMail) -> Decision:
        """The same, if the sender may open one more ticket; else a message on their newest, so that nothing is lost.

        Raises NotYet where there is none and it is only a matter of time.
        """
        try:
            await self._state.admission.admit(EntryPoint.PEOPLE, sender)
        except Problem as problem:
            if problem.code == BANNED:
                return IgnoreMail("the sender is banned")
            if (newest := await newest_open_ticket(session, sender)) is not None:
                return AppendMessage(newest, wanted.is_automatic, is_on_behalf=True)
            raise MailNotReady from problem
        return wanted

    async def _topic_of(self, stored: RawMail) -> UUID | None:
        slug = self._state.persister.own.topic_in(stored.recipients) or self._topic_of_source.get(stored.source)
        topic = await self._state.topics.find(slug) if slug else None
        return topic.id if topic else None


def _log_wait(error: Exception, _failures: int) -> None:
    log.warning("mail_in.waits", error=repr(error))


def is_away(error: BaseException) -> bool:
    """Whether the same mail may be processed once something answers again."""
    return isinstance(error, StorageUnavailable) or is_unreachable(error)
