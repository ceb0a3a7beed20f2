"""What is said over an SMTP connection, to servers that take commands together and to those that do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.notification.delivery.smtp import MailConnection
from services.notification.errors import MailConnectionLost, MailRefused
from services.notification.settings import NotificationSettings
from tests.support.eventually import eventually

MAIL = b"Subject: Dots\r\n\r\nfirst\r\n.second\n..third\r\n"
ADDRESS = "ana@customer.example"
TAKES = {
    "MAIL": "250 sender",
    "RCPT": "250 recipient",
    "DATA": "354 go on",
    "RSET": "250 anew",
    "mail": "250 kept as 7",
}


@dataclass
class ScriptedServer:
    """Answers as it is told, and keeps what it heard."""

    is_pipelining: bool
    answers: dict[str, str]
    heard: list[str] = field(default_factory=list)
    """The commands, and `mail` for a whole mail; of all connections."""
    mails: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    is_old: bool = False
    """Whether it knows no extensions."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        writer.write(b"220 scripted\r\n")
        try:
            while line := await reader.readline():
                await self._answer(line.split()[0].decode().upper(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def has_been_read(self) -> None:
        """Returns once clients have read what was written: a later connection's greeting comes after it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await reader.readline()
        writer.close()

    async def _answer(self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if command == "EHLO" and self.is_old:
            writer.write(b"502 what?\r\n")
            return
        if command == "HELO":
            writer.write(b"250 scripted\r\n")
            return
        if command == "EHLO":
            offered = ["PIPELINING"] if self.is_pipelining else []
            lines = ["scripted", *offered, "SIZE 1000000"]
            writer.write("".join(f"250-{line}\r\n" for line in lines[:-1]).encode() + f"250 {lines[-1]}\r\n".encode())
            return
        self.heard.append(command)
        if command == "MAIL" and self.is_pipelining:
            await self._take_together(reader, writer)
            return
        await self._say(self.answers[command], reader, writer)

    async def _take_together(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says nothing before it has heard all three: a client that waits for each answer would wait for ever."""
        for _ in range(2):
            self.heard.append((await reader.readline()).split()[0].decode())
        for command in ("MAIL", "RCPT", "DATA"):
            await self._say(self.answers[command], reader, writer)

    async def _say(self, answer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer == "gone":
            writer.close()
            raise ConnectionResetError
        writer.write(f"{answer}\r\n".encode())
        if answer.startswith("354"):
            self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            self.heard.append("mail")
            writer.write(f"{self.answers['mail']}\r\n".encode())


@asynccontextmanager
async def talking(*, is_pipelining: bool, **answers: str) -> AsyncIterator[tuple[MailConnection, ScriptedServer]]:
    scripted = ScriptedServer(is_pipelining, TAKES | answers)
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.port = server.sockets[0].getsockname()[1]
    settings = NotificationSettings.model_validate(
        {"database_url": "postgresql+asyncpg://nobody@127.0.0.1/none", "link_secret": "x" * 16}
        | {"smtp_port": scripted.port}
    )
    connection = MailConnection(settings)
    try:
        yield connection, scripted
    finally:
        await connection.close()
        for writer in scripted.writers:
            writer.close()
        server.close()


async def _send(connection: MailConnection) -> str:
    async with asyncio.timeout(10):
        return await connection.send(connection.mail(MAIL, ADDRESS))


@pytest.mark.parametrize("is_pipelining", [True, False])
async def test_mails_arrive_as_written_over_one_connection(is_pipelining: bool) -> None:
    async with talking(is_pipelining=is_pipelining) as (connection, server):
        assert [await _send(connection) for _ in range(2)] == ["kept as 7"] * 2
        assert server.heard == ["MAIL", "RCPT", "DATA", "mail"] * 2
        assert server.connections == 1
        assert server.mails == [b"Subject: Dots\r\n\r\nfirst\r\n..second\r\n...third\r\n.\r\n"] * 2


REFUSALS = [
    ({"MAIL": "451 later", "RCPT": "503 what", "DATA": "503 what"}, "451 later", False),
    ({"RCPT": "550 5.1.1 nobody", "DATA": "503 what"}, "550 5.1.1 nobody", True),
    ({"DATA": "552 too much"}, "552 too much", True),
    ({"mail": "554 spam"}, "554 spam", True),
]


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize(("answers", "said", "is_permanent"), REFUSALS)
async def test_a_refusal_is_told_and_the_connection_kept(
    answers: dict[str, str], said: str, is_permanent: bool, is_pipelining: bool
) -> None:
    async with talking(is_pipelining=is_pipelining, **answers) as (connection, server):
        with pytest.raises(MailRefused) as refused:
            await _send(connection)
        assert (refused.value.reason, refused.value.is_permanent) == (said, is_permanent)
        assert server.heard[-1] == "RSET"
        server.answers |= TAKES
        assert await _send(connection) == "kept as 7"
        assert server.connections == 1


async def test_a_server_that_waits_for_a_refused_mail_gets_none() -> None:
    """It may say `354` although it takes the recipient not: whatever came next it would take for the mail."""
    async with talking(is_pipelining=True, RCPT="550 nobody") as (connection, server):
        with pytest.raises(MailRefused, match="550 nobody"):
            await _send(connection)
        server.answers |= TAKES
        assert await _send(connection) == "kept as 7"
        assert server.connections == 2
        assert len(server.mails) == 1


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize(
    "answers", [{"MAIL": "421 closing"}, {"MAIL": "gone"}, {"RCPT": "gone"}, {"mail": "421 closing"}]
)
async def test_a_lost_connection_says_nothing_about_the_mail(answers: dict[str, str], is_pipelining: bool) -> None:
    async with talking(is_pipelining=is_pipelining, **answers) as (connection, server):
        with pytest.raises(MailConnectionLost):
            await _send(connection)
        server.answers |= TAKES
        assert await _send(connection) == "kept as 7"
        assert server.connections == 2


@pytest.mark.parametrize("is_pipelining", [True, False])
async def test_what_is_said_unasked_answers_nothing(is_pipelining: bool) -> None:
    async with talking(is_pipelining=is_pipelining) as (connection, server):
        await _send(connection)
        server.writers[0].write(b"250-by the way\r\n250 all is well\r\n")
        await server.has_been_read()
        assert [await _send(connection) for _ in range(2)] == ["kept as 7"] * 2


async def test_a_server_without_extensions_is_greeted_as_it_likes() -> None:
    async with talking(is_pipelining=False) as (connection, server):
        server.is_old = True
        assert await _send(connection) == "kept as 7"


async def test_a_server_that_is_not_understood_is_left() -> None:
    async with talking(is_pipelining=True, MAIL="what?") as (connection, server):
        with pytest.raises(MailRefused, match="not understood"):
            await _send(connection)
        server.answers |= TAKES

        async def sent_anew() -> None:
            assert await _send(connection) == "kept as 7"

        await eventually(sent_anew)
        assert server.connections == 2
