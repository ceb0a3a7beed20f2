"""Proofs of identity: API keys, passwords, session tokens and the requesters' signed links."""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer
from pwdlib import PasswordHash

from shared.contracts.base import TicketId
from shared.kit.addresses import address_key
from shared.kit.clock import utc_now
from shared.kit.sealed_addresses import SealedAddresses
from shared.kit.settings import Settings
from shared.kit.signed_tokens import TimedTokenSerializer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
PASSWORD_LENGTH = (10, 128)
_API_KEY = re.compile(r"^(hd[es]?)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$")
CLIENT_KEY, SERVICE_TOKEN, EVENT_TOKEN = "hd", "hds", "hde"
"""How the keys of intake's clients begin, those of programs that work on tickets, and of programs that read events."""
_passwords = PasswordHash.recommended()
HASHING_NICENESS = 10


def _lower_priority() -> None:
    """Lets requests go before hashing: on Linux each thread has a niceness, and those it starts inherit it."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


_hashing = ThreadPoolExecutor(
    max(1, (os.cpu_count() or 1) // 2), thread_name_prefix="passwords", initializer=_lower_priority
)
"""Half the cores: a flood of guesses waits here, and everything else goes on."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner holds it; only `key_id` and the digest are stored."""

    key_id: str
    secret: str
    prefix: str = CLIENT_KEY
    """Tells what the key is for, to us and to whoever looks for secrets that were published by mistake."""

    @classmethod
    def make(cls, prefix: str = CLIENT_KEY) -> "ApiKey":
        """A new random key."""
        return cls(secrets.token_hex(8), secrets.token_urlsafe(32), prefix)

    @classmethod
    def parse(cls, text: str, prefix: str = CLIENT_KEY) -> "ApiKey | None":
        """The key written in `text`, or None if it has not the form of such a key."""
        found = _API_KEY.fullmatch(text)
        return cls(found[2], found[3], prefix) if found and found[1] == prefix else None

    def __str__(self) -> str:
        return f"{self.prefix}_{self.key_id}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """What is stored: the secret has 256 random bits, so a plain SHA-256 is enough."""
        return digest_of(self.secret)

    def matches(self, digest: bytes) -> bool:
        """Whether this key is the one stored, compared in constant time."""
        return hmac.compare_digest(self.digest, digest)


def digest_of(token: str) -> bytes:
    """SHA-256 of a random token."""
    return hashlib.sha256(token.encode()).digest()


def new_token() -> str:
    """A random bearer token of 256 bits."""
    return secrets.token_urlsafe(32)


async def hash_password(password: str) -> str:
    """Argon2id; runs in threads of its own, for it is slow on purpose."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, _hash, password)


def _hash(password: str) -> str:
    return _passwords.hash(password)


async def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits. Takes as long where there is no such account."""
    if len(password) > PASSWORD_LENGTH[1]:
        return False
    return await asyncio.get_running_loop().run_in_executor(_hashing, _verify, password, hashed)


def _verify(password: str, hashed: str | None) -> bool:
    if hashed is None:
        _passwords.hash(password)
        return False
    return _passwords.verify(password, hashed)


@dataclass(frozen=True, slots=True)
class TicketLink:
    """What a signed link stands for: one person's access to one ticket."""

    ticket_id: TicketId
    email: str
    is_mailed: bool = False
    """It went to the address by mail and nowhere else: whoever follows it can read that address's mail."""
    signed_at: datetime | None = field(default=None, compare=False)
    """None for one that is to be signed now."""


class TicketLinks:
    """Makes and reads the links in requesters' mails. Intake and notification share the secret."""

    def __init__(self, settings: Settings) -> None:
        self._portal = settings.portal_url.rstrip("/")
        self._lifetime = timedelta(days=settings.link_days)
        self._signer = TimedTokenSerializer(settings.link_secret.get_secret_value(), salt="ticket-link")
        self._addresses = SealedAddresses(settings, "ticket-link")

    def token(self, link: TicketLink) -> str:
        """The signed token of a link. It tells the millisecond, so that a link made just after others died lives."""
        signed_at = link.signed_at or utc_now()
        milliseconds = (signed_at - EPOCH) // MILLISECOND
        sealed = self._addresses.seal(address_key(link.email), link.ticket_id.bytes)
        return self._signer.dumps([link.ticket_id.hex, sealed, milliseconds, int(link.is_mailed)])

    def url(self, link: TicketLink) -> str:
        """The address to send to the requester."""
        return f"{self._portal}/t/{self.token(link)}"

    def invitation_url(self, link: TicketLink) -> str:
        """The address at which somebody in copy says whether they take part."""
        return f"{self._portal}/p/{self.token(link)}"

    def read(self, token: str) -> TicketLink | None:
        """The link a token stands for, or None if it is forged or too old. Whether it was revoked intake knows."""
        try:
            payload, written_at = self._signer.loads(token, return_timestamp=True)
            link = self._link_of(payload, written_at)
        except (BadData, ValueError, TypeError, OverflowError):
            return None
        return link if utc_now() - (link.signed_at or written_at) <= self._lifetime else None

    def _link_of(self, payload: Sequence[Any], written_at: datetime) -> TicketLink:
        """The first links told only their second, and not how they were handed over."""
        ticket, sealed, *rest = payload
        milliseconds, is_mailed = rest or ((written_at - EPOCH) // MILLISECOND, 0)
        ticket_id, signed_at = TicketId(UUID(ticket)), EPOCH + milliseconds * MILLISECOND
        email = address_key(self._addresses.open(str(sealed), ticket_id.bytes))
        return TicketLink(ticket_id, email, is_mailed=bool(is_mailed), signed_at=signed_at)


MAIL_SIGNATURE_BYTES = 10
"""Guessing takes a mail for each try: 80 bits are plenty, and the id fits on a line."""
RECIPIENT_BYTES = 5
"""Of the digest that tells an address in a Message-ID; the signature covers it, so it cannot be tried out."""
_MAIL_ID = re.compile(
    r"<?(t\.[a-z2-7]{26}(?:\.[a-z2-7]{26}(?:\.[rgsx][a-z2-7]{8})?)?)\.([a-z2-7]{16})@[^<>\s@]{1,255}>?"
)


class MailAudience(StrEnum):
    """To whom a mail of ours went; the value stands in its Message-ID."""

    REQUESTER = "r"
    GUEST = "g"
    """Somebody in copy."""
    STAFF = "s"
    THIRD_PARTY = "x"
    """Somebody whom agents write to beside the ticket; their answers are not part of it."""


@dataclass(frozen=True, slots=True)
class MailReference:
    """What a Message-ID of ours says. Ids of threads, and those made before ids named recipients, name nobody."""

    ticket_id: TicketId
    audience: MailAudience | None = None
    recipient: str = ""
    """The digest of the address the mail was sent to."""
    mail_id: UUID | None = None
    """Of the one mail, for ids that name a recipient."""


class MailThreads:
    """Makes and recognises the Message-IDs of our mails: nobody without the secret can name a ticket by one.

    Only lower-case letters and digits are signed, for some servers change the case of what they pass on.
    """

    def __init__(self, settings: Settings, domain: str) -> None:
        self._domain = domain
        self._key = hashlib.sha256(b"mail-thread\0" + settings.link_secret.get_secret_value().encode()).digest()

    def thread_id(self, ticket_id: TicketId) -> str:
        """What every mail about a ticket refers to: mail clients show one thread, answers name their ticket."""
        return self._signed(f"t.{_base32(ticket_id.bytes)}")

    def message_id(
        self, ticket_id: TicketId, mail_id: UUID, audience: MailAudience | None = None, address: str = ""
    ) -> str:
        """The Message-ID of one mail about a ticket, which also names to whom it is sent once that is known."""
        name = f"t.{_base32(ticket_id.bytes)}.{_base32(mail_id.bytes)}"
        return self._signed(f"{name}.{audience}{self._recipient(address)}" if audience else name)

    def read(self, message_id: str) -> TicketId | None:
        """The ticket of a Message-ID that we made, whatever domain it names; None for any other."""
        reference = self.read_reference(message_id)
        return reference.ticket_id if reference else None

    def read_reference(self, message_id: str) -> MailReference | None:
        """All that a Message-ID says which we made; None for any other."""
        found = _MAIL_ID.fullmatch(message_id.strip().lower())
        if found is None or not hmac.compare_digest(self._signature(found[1]), found[2]):
            return None
        _, ticket, *rest = found[1].split(".")
        try:
            ticket_id, *mail_ids = (UUID(bytes=base64.b32decode(f"{one.upper()}======")) for one in (ticket, *rest[:1]))
        except (binascii.Error, ValueError):
            return None
        holder, mail_id = rest[1] if len(rest) > 1 else "", mail_ids[0] if mail_ids else None
        return MailReference(TicketId(ticket_id), MailAudience(holder[0]) if holder else None, holder[1:], mail_id)

    def was_sent_to(self, reference: MailReference, address: str) -> bool:
        """Whether the mail of the Message-ID went to this address: then its holder can read what goes there."""
        return reference.audience is not None and hmac.compare_digest(reference.recipient, self._recipient(address))

    def _recipient(self, address: str) -> str:
        digest = hmac.digest(self._key, f"recipient\0{address_key(address)}".encode(), "sha256")
        return _base32(digest[:RECIPIENT_BYTES])

    def _signed(self, name: str) -> str:
        return f"<{name}.{self._signature(name)}@{self._domain}>"

    def _signature(self, name: str) -> str:
        return _base32(hmac.digest(self._key, name.encode(), "sha256")[:MAIL_SIGNATURE_BYTES])


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()


FILE_LINK_MAX_AGE = 3_600
"""Seconds an address of a file works; pages make it anew each time they are shown."""


@dataclass(frozen=True, slots=True)
class FileLink:
    """What an address of a file stands for; `is_inline` lets a picture be shown instead of being saved."""

    attachment_id: UUID
    is_inline: bool = False


class FileLinks:
    """Makes and reads the addresses of attached files. Intake serves them; the desk links to them as well."""

    def __init__(self, settings: Settings) -> None:
        self._portal = settings.portal_url.rstrip("/")
        self._signer = URLSafeTimedSerializer(settings.link_secret.get_secret_value(), salt="file-link")

    def url(self, attachment_id: UUID, *, is_inline: bool = False) -> str:
        """An address that works for an hour, for whoever has it."""
        return f"{self._portal}/files/{self._signer.dumps([attachment_id.hex, int(is_inline)])}"

    def read(self, token: str) -> FileLink | None:
        """The file a token stands for, or None if it is forged or too old."""
        try:
            attachment, is_inline = self._signer.loads(token, max_age=FILE_LINK_MAX_AGE)
            return FileLink(UUID(attachment), bool(is_inline))
        except (BadData, ValueError, TypeError, AttributeError):
            return None


AGENT_PROOF_MAX_AGE = 60
"""Seconds in which intake believes the desk's statement."""


class AgentProofs:
    """The desk's statements to intake that a request is of a signed-in agent. Both share the secret."""

    def __init__(self, settings: Settings) -> None:
        self._signer = URLSafeTimedSerializer(settings.link_secret.get_secret_value(), salt="agent-proof")

    def sign(self, agent_id: UUID) -> str:
        """A statement that is believed for a minute."""
        return self._signer.dumps(agent_id.hex)

    def read(self, statement: str) -> UUID | None:
        """The agent, or None for a statement that is forged or too old."""
        try:
            return UUID(self._signer.loads(statement, max_age=AGENT_PROOF_MAX_AGE))
        except (BadData, ValueError, TypeError, AttributeError):
            return None
