"""A small IMAP server over folders in memory: enough of RFC 3501, IDLE, MOVE and UIDPLUS for a client that fetches."""

import asyncio
import base64
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

_COMMAND = re.compile(rb"(\S+) (UID )?([A-Z]+)(?: (.*))?", re.IGNORECASE)


@dataclass
class StoredMessage:
    """A mail in a folder."""

    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class ImapServer:
    """Start it, put mails in, see what a client did to them."""

    user: str = "support"
    password: str = "the-mailbox-password"
    access_token: str | None = None
    """What XOAUTH2 is let in with; without one it is refused."""
    capabilities: str = "IMAP4rev1 IDLE MOVE UIDPLUS AUTH=XOAUTH2"
    folders: dict[str, list[StoredMessage]] = field(default_factory=lambda: {"INBOX": []})
    port: int = 0
    log_ins: int = 0

    async def start(self) -> None:
        """Listens, on the same port if it did before."""
        self._changed: set[asyncio.Event] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._next_uid = getattr(self, "_next_uid", 1)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Goes away, with every connection."""
        self._server.close()
        for writer in self._open:
            writer.close()

    def put(self, content: bytes, folder: str = "INBOX") -> StoredMessage:
        """A new mail arrives."""
        mail = StoredMessage(self._next_uid, content)
        self._next_uid += 1
        self.folders.setdefault(folder, []).append(mail)
        for event in self._changed:
            event.set()
        return mail

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _Talk(self, reader, writer).run()
        self._open.discard(writer)
        writer.close()


class _Talk:
    def __init__(self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._folder = "INBOX"
        self._answers: dict[str, Callable[[str], str | None]] = {
            "CAPABILITY": lambda _: self._say(f"* CAPABILITY {server.capabilities}"),
            "NOOP": lambda _: None,
            "LOGIN": self._login,
            "SELECT": self._select,
            "LIST": self._list,
            "CREATE": self._create,
            "EXPUNGE": self._expunge,
            "SEARCH": self._search,
            "FETCH": self._fetch,
            "STORE": self._store,
            "MOVE": self._move,
        }

    async def run(self) -> None:
        self._say("* OK ready")
        while line := await self._reader.readline():
            found = _COMMAND.fullmatch(line.rstrip(b"\r\n"))
            assert found is not None, line
            tag, name, words = found[1].decode(), found[3].decode().upper(), (found[4] or b"").decode()
            if name == "LOGOUT":
                return
            if name == "IDLE":
                await self._idle()
                refused = None
            elif name == "AUTHENTICATE":
                refused = await self._authenticate()
            else:
                refused = self._answers[name](words)
            self._say(f"{tag} {refused or 'OK done'}")
            await self._writer.drain()

    @property
    def _mails(self) -> list[StoredMessage]:
        return self._server.folders[self._folder]

    def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")

    def _login(self, words: str) -> str | None:
        self._server.log_ins += 1
        fits = words == f'"{self._server.user}" "{self._server.password}"'
        return None if fits else "NO [AUTHENTICATIONFAILED] wrong"

    async def _authenticate(self) -> str | None:
        self._server.log_ins += 1
        self._say("+ ")
        given = base64.b64decode(await self._reader.readline()).decode()
        return None if given == f"user={self._server.user}\1auth=Bearer {self._server.access_token}\1\1" else "NO wrong"

    def _select(self, words: str) -> str | None:
        self._folder = words.strip('"')
        self._say(f"* {len(self._mails)} EXISTS")
        return None

    def _list(self, words: str) -> str | None:
        wanted = words.rpartition(" ")[2].strip('"')
        for name in self._server.folders:
            if wanted in (name, "*", "%"):
                self._say(f'* LIST () "/" "{name}"')
        return None

    def _create(self, words: str) -> str | None:
        self._server.folders.setdefault(words.strip('"'), [])
        return None

    def _search(self, words: str) -> str | None:
        unwanted = {"\\Deleted"} | ({"\\Seen"} if "UNSEEN" in words else set())
        self._say("* SEARCH " + " ".join(str(mail.uid) for mail in self._mails if not mail.flags & unwanted))
        return None

    def _fetch(self, words: str) -> str | None:
        for number, mail in self._chosen(words):
            if "RFC822.SIZE" in words:
                self._say(f"* {number} FETCH (UID {mail.uid} RFC822.SIZE {len(mail.content)})")
            else:
                head = f"* {number} FETCH (UID {mail.uid} BODY[] {{{len(mail.content)}}}\r\n"
                self._writer.write(head.encode() + mail.content + b")\r\n")
        return None

    def _store(self, words: str) -> str | None:
        for _, mail in self._chosen(words):
            mail.flags |= set(re.findall(r"\\\w+", words))
        return None

    def _move(self, words: str) -> str | None:
        target = words.rpartition(" ")[2].strip('"')
        for _, mail in self._chosen(words):
            self._mails.remove(mail)
            self._server.folders[target].append(mail)
        return None

    def _expunge(self, words: str) -> str | None:
        gone = {mail.uid for _, mail in self._chosen(words)} if words else {mail.uid for mail in self._mails}
        self._mails[:] = [mail for mail in self._mails if not (mail.uid in gone and "\\Deleted" in mail.flags)]
        return None

    def _chosen(self, words: str) -> list[tuple[int, StoredMessage]]:
        uids = {int(uid) for uid in words.split(" ")[0].split(",")}
        return [(number, mail) for number, mail in enumerate(self._mails, 1) if mail.uid in uids]

    async def _idle(self) -> None:
        changed = asyncio.Event()
        self._server._changed.add(changed)
        self._say("+ idling")
        done = asyncio.create_task(self._reader.readline())
        news = asyncio.create_task(changed.wait())
        await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
        self._server._changed.discard(changed)
        news.cancel()
        if changed.is_set():
            self._say(f"* {len(self._mails)} EXISTS")
        await done
