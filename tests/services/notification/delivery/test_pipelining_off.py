"""A server that offers `PIPELINING` and loses commands that come together gets mails all the same, by a setting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from deploy.cli.doctor import mail_servers
from deploy.cli.doctor.findings import Gravity
from deploy.cli.doctor.process_environments import ProcessEnvironments
from services.notification.delivery import smtp
from services.notification.delivery.smtp import MailConnection
from services.notification.errors import MailRefused
from services.notification.settings import NotificationSettings

ADDRESS = "ana@customer.example"
END = b"\r\n.\r\n"
ANSWERS = {b"EHLO": b"250-careless\r\n250 PIPELINING", b"DATA": b"354 go on"}


class CarelessServer(asyncio.Protocol):
    """Reads one command from whatever came, and forgets the rest of it, as some filters between servers do."""

    mails: list[bytes]

    def __init__(self, mails: list[bytes]) -> None:
        self.mails = mails
        self._content: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 careless\r\n")

    def data_received(self, data: bytes) -> None:
        if self._content is None:
            answer = ANSWERS.get(data[:4].upper(), b"250 well")
            self._content = b"" if answer.startswith(b"354") else None
            self._transport.write(answer + b"\r\n")
            return
        self._content += data
        if END in self._content:
            self.mails.append(self._content.partition(END)[0])
            self._content = None
            self._transport.write(b"250 kept\r\n")


@asynccontextmanager
async def careless(mails: list[bytes]) -> AsyncIterator[int]:
    """The port of such a server, which adds the mails it gets."""
    server = await asyncio.get_running_loop().create_server(lambda: CarelessServer(mails), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def connection_to(port: int, *, is_pipelining: bool) -> MailConnection:
    settings = {"database_url": "postgresql+asyncpg://nobody@127.0.0.1/none", "link_secret": "x" * 16}
    about = {"smtp_port": port, "smtp_pipelining": is_pipelining}
    return MailConnection(NotificationSettings.model_validate(settings | about))


async def test_each_command_waits_for_the_answer_to_the_one_before() -> None:
    mails: list[bytes] = []
    async with careless(mails) as port, asyncio.timeout(10):
        connection = connection_to(port, is_pipelining=False)
        letters = [connection.mail(f"Subject: {number}\r\n\r\nwords\r\n".encode(), ADDRESS) for number in range(3)]
        for letter, following in zip(letters, [*letters[1:], None], strict=True):
            assert await connection.send(letter, None, following) == "kept"
        await connection.close()
    assert mails == [letter.message.removesuffix(b"\r\n") for letter in letters]


async def test_otherwise_such_a_server_is_waited_for_and_takes_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    mails: list[bytes] = []
    async with careless(mails) as port:
        connection = connection_to(port, is_pipelining=True)
        with pytest.raises(MailRefused, match="Timed out") as refused:
            await connection.send(connection.mail(b"Subject: 0\r\n\r\nwords\r\n", ADDRESS))
        await connection.close()
    assert (refused.value.is_permanent, mails) == (False, [])


@pytest.mark.parametrize(("setting", "gravity"), [("true", Gravity.ERROR), ("false", Gravity.OK)])
async def test_the_doctor_names_the_setting(setting: str, gravity: Gravity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_servers, "TOGETHER_WITHIN", 0.5)
    async with careless([]) as port:
        about = {"DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:9/none", "LINK_SECRET": "x" * 32}
        about |= {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_PIPELINING": setting}
        environment = {f"EVERDESK_{name}": value for name, value in about.items()}
        findings = await mail_servers.check_mail_servers(ProcessEnvironments.of_environment(environment))
    found = {one.check: one for one in findings}
    assert (found["smtp"].gravity, found["pipelining"].gravity) == (Gravity.OK, gravity)
    assert "EVERDESK_SMTP_PIPELINING" in found["pipelining"].says + found["pipelining"].mend
