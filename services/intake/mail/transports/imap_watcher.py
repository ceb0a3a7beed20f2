"""Watches mailboxes over IMAP: stores each new mail, and only then marks or moves it there."""

import asyncio
import re
from email.utils import parseaddr

from services.intake.attachments.object_store import StorageUnavailable
from services.intake.mail.parsing.addresses import addresses_in, split_addresses
from services.intake.mail.settings import Mailbox, MailSettings
from services.intake.mail.transports.imap_session import BROKEN, ImapSession
from services.intake.mail.transports.oauth_tokens import AccessToken, TokenRefused
from services.intake.mail.transports.raw_mail_store import RawMailStore, ReceivedMail
from shared.kit.clock import utc_now
from shared.kit.http.safe_client import SafeHttpClient
from shared.kit.leadership import run_by_one
from shared.kit.outages import is_unreachable
from shared.kit.processes import Job
from shared.kit.telemetry import MAILBOX_AWAY, MAILS_IN, log

LONGEST_PAUSE = 600.0
FIRST_PAUSE = 2.0
MOST_TRIES = 10
"""How often one mail may break the connection, until the process starts again."""
HEADER = 64 * 1024
_ADDRESSED = re.compile(
    rb"^(?:delivered-to|x-original-to|to|cc)[ \t]*:((?:[^\n]|\n[ \t])*)", re.IGNORECASE | re.MULTILINE
)
_FROM = re.compile(rb"^from[ \t]*:((?:[^\n]|\n[ \t])*)", re.IGNORECASE | re.MULTILINE)


class MailboxUnavailable(Exception):
    """A mailbox cannot be fetched from."""


class MailboxWatcher:
    """Fetches one mailbox for as long as the process lives; trouble makes it wait, at most ten minutes."""

    def __init__(self, mailbox: Mailbox, reception: RawMailStore, outgoing: SafeHttpClient, max_bytes: int) -> None:
        self.name = mailbox.name
        self.trouble: str | None = None
        """Why it could not be fetched from when it was last tried."""
        self._mailbox = mailbox
        self._reception = reception
        self._token = AccessToken(mailbox.oauth, outgoing) if mailbox.oauth else None
        self._max_bytes = max_bytes
        self._left: set[str] = set()
        """Mails that stay where they are: too large, or not to be had."""
        self._tries: dict[str, int] = {}

    async def run(self) -> None:
        """For ever."""
        failures = 0
        while True:
            try:
                await self._watch()
            except Exception as error:
                if not _is_away(error):
                    raise
                self._says(f"{type(error).__name__}: {error}"[:300])
                pause = min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE)
                log.warning("mailbox.away", mailbox=self.name, error=self.trouble, pause_seconds=pause)
                failures = min(failures + 1, 20)
                if self._token is not None:
                    self._token.forget()
                await asyncio.sleep(pause)
            else:
                failures = 0
                await asyncio.sleep(self._mailbox.every_seconds)

    async def _watch(self) -> None:
        """One connection: everything that waits, and where the server tells of news, whatever comes after."""
        token = await self._token.get() if self._token else None
        look = await asyncio.to_thread(ImapSession, self._mailbox, token)
        try:
            await asyncio.to_thread(look.make_folder)
            while True:
                await self._fetch_all(look)
                self._says(None)
                if not look.can_idle:
                    return
                await asyncio.to_thread(look.idle)
        finally:
            look.close()

    async def _fetch_all(self, look: ImapSession) -> None:
        while waiting := [uid for uid in await asyncio.to_thread(look.waiting) if uid not in self._left]:
            waiting.sort(key=lambda uid: self._tries.get(uid, 0))
            for uid in waiting[: self._mailbox.at_once]:
                await self._fetch(look, uid)

    def _count_failed_fetch(self, uid: str) -> None:
        """A mail at which the connection breaks each time comes after all others, and in the end is left there."""
        self._tries[uid] = self._tries.get(uid, 0) + 1
        if self._tries[uid] >= MOST_TRIES:
            self._left.add(uid)
            log.error("mailbox.not_fetched", mailbox=self.name, uid=uid)
            MAILS_IN.labels(self.name, "not_fetched").inc()

    async def _fetch(self, look: ImapSession, uid: str) -> None:
        """One mail: ours first, put away then; interrupted in between, it is fetched again and known."""
        raw = await self._fetch_raw(look, uid)
        if uid in self._left:
            return
        if raw is not None:
            is_new = await self._reception.store(arrival_of(raw, self.name))
            MAILS_IN.labels(self.name, "kept" if is_new else "known").inc()
        await asyncio.to_thread(look.put_away, uid)

    async def _fetch_raw(self, look: ImapSession, uid: str) -> bytes | None:
        """The mail; None for one that is gone, or is too large and left."""
        try:
            size = await asyncio.to_thread(look.size, uid)
            raw = await asyncio.to_thread(look.fetch, uid) if size <= self._max_bytes else None
        except BROKEN:
            self._count_failed_fetch(uid)
            raise
        self._tries.pop(uid, None)
        if size > self._max_bytes:
            self._left.add(uid)
            log.error("mailbox.too_large", mailbox=self.name, uid=uid)
            MAILS_IN.labels(self.name, "too_large").inc()
        return raw

    def _says(self, trouble: str | None) -> None:
        self.trouble = trouble
        MAILBOX_AWAY.labels(self.name).set(trouble is not None)


class MailboxWatchers:
    """One watcher for each mailbox."""

    def __init__(self, settings: MailSettings, reception: RawMailStore) -> None:
        outgoing = SafeHttpClient(settings.outgoing_allowed_networks, allowed_hosts=settings.outgoing_allowed_hosts)
        self.watchers = [
            MailboxWatcher(mailbox, reception, outgoing, settings.mail_max_bytes) for mailbox in settings.mailboxes
        ]

    def jobs(self, dsn: str) -> dict[str, Job]:
        """What runs for ever; each mailbox is fetched from by one process, so that none asks for the same mail."""
        names = {f"mailbox:{watcher.name}": watcher.run for watcher in self.watchers}
        return {name: run_by_one(dsn, name, {name: run}) for name, run in names.items()}

    async def check(self) -> None:
        """Raises MailboxAway if mails cannot be fetched from one."""
        if troubled := [f"{watcher.name}: {watcher.trouble}" for watcher in self.watchers if watcher.trouble]:
            raise MailboxUnavailable("; ".join(troubled))


def arrival_of(raw: bytes, source: str) -> ReceivedMail:
    """A mail without an envelope: what its header says stands in for one."""
    header = raw[:HEADER].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    found = _FROM.search(header)
    sender = parseaddr(_line(found[1]))[1] if found else ""
    addressed = [one for line in _ADDRESSED.findall(header) for one in split_addresses(_line(line))]
    recipients = (read.address for one in addressed[:100] for read in addresses_in(one))
    return ReceivedMail(
        content=raw,
        source=source,
        sender=sender[:320],
        recipients=tuple(dict.fromkeys(recipients)),
        received_at=utc_now(),
    )


def _line(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").replace("\0", "").split())[:8192]


def _is_away(error: BaseException) -> bool:
    return isinstance(error, (*BROKEN, TokenRefused, StorageUnavailable)) or is_unreachable(error)
