"""The receiving side: 250 is answered only after the mail is safely kept."""

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mail.message import ENVELOPE_TO
from deploy.local.mail.store import MailStore

_LARGEST = 40 * 1024 * 1024


class StoringHandler:
    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """aiosmtpd's hook for a greeting: commands may come together, which it reads one by one anyway."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for a complete message."""
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        try:
            mail_id = await asyncio.to_thread(self._store.keep, _envelope_headers(envelope) + raw)
        except OSError:
            return "452 4.3.1 The mail could not be stored; try again later"
        return f"250 2.0.0 Kept as {mail_id}"


async def listen(store: MailStore, host: str, port: int) -> asyncio.Server:
    handler = StoringHandler(store)

    def protocol() -> SMTP:
        return SMTP(handler, data_size_limit=_LARGEST, enable_SMTPUTF8=True, hostname="everdesk-mail")

    return await asyncio.get_running_loop().create_server(protocol, host, port)


def _envelope_headers(envelope: Envelope) -> bytes:
    """Hidden recipients are in no header of the mail itself."""
    lines = [f"Return-Path: <{envelope.mail_from or ''}>"]
    lines += [f"{ENVELOPE_TO}: <{recipient}>" for recipient in envelope.rcpt_tos]
    return "".join(f"{line}\r\n" for line in lines).encode()
