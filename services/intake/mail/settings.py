"""Settings of the process that takes mail in; each field is the variable `EVERDESK_<FIELD>`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from services.intake.settings import IntakeSettings

MEBIBYTE = 1024 * 1024


def _parted(written: object) -> object:
    if not isinstance(written, str):
        return written
    return tuple(part.strip().casefold() for part in written.split(",") if part.strip())


class OAuth(BaseModel):
    """How a mailbox's access token is got: by a refresh token (RFC 6749 section 6)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_url: str
    client_id: str
    client_secret: SecretStr | None = None
    refresh_token: SecretStr
    scope: str | None = None


class Mailbox(BaseModel):
    """One folder of one account, fetched over IMAP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    """What operators call it; also the source of its mails."""
    host: str
    port: int = Field(default=993, ge=1, le=65_535)
    security: Literal["tls", "starttls", "none"] = "tls"
    user: str
    password: SecretStr | None = None
    oauth: OAuth | None = None
    folder: str = "INBOX"
    topic: str | None = None
    """The slug of the topic its mails are about."""
    after: Literal["seen", "move", "delete"] = "seen"
    """What becomes of a mail in the mailbox once it is ours."""
    move_to: str = "Processed"
    every_seconds: float = Field(default=30.0, ge=1, le=3600)
    """How long to wait between two looks where the server has no IDLE."""
    at_once: int = Field(default=30, ge=1, le=500)
    """Mails fetched in one go."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.password is None) == (self.oauth is None):
            raise ValueError(f"give the mailbox {self.name!r} either a password or oauth")
        return self


class MailSettings(IntakeSettings):
    """What taking mail in needs on top of intake's own settings."""

    port: int = Field(default=8004, ge=0, le=65_535)
    """Of `/healthz`, `/readyz` and `/metrics`."""
    mail_in_port: int = Field(default=2525, ge=0, le=65_535)
    """Where mail is taken in by SMTP."""
    mail_accepts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)] = ()
    """Addresses (`help@example.org`) and domains (`@example.org`) taken besides `mail_from` and its plus-addresses."""
    mail_max_bytes: int = Field(default=25 * MEBIBYTE, ge=64 * 1024, le=200 * MEBIBYTE)
    """Of one mail."""
    mail_max_recipients: int = Field(default=100, ge=1, le=1000)
    """Of one mail."""
    mail_connections: int = Field(default=64, ge=1, le=1000)
    """SMTP clients served at once."""
    mail_connections_per_address: int = Field(default=10, ge=1, le=1000)
    """Of those, from one address."""
    mail_command_seconds: float = Field(default=300.0, ge=1, le=3600)
    """How long a client may take for one command, and for one mail."""
    mail_tls_certificate: Path | None = None
    """A PEM file; with it, and its key, STARTTLS is offered."""
    mail_tls_key: Path | None = None
    """The PEM file of its key."""
    mail_per_sender_per_minute: int = Field(default=600, ge=1)
    """Mails a minute taken from one sender; more are told to come back later."""
    mail_per_sender_per_hour: int = Field(default=60, ge=1)
    """Mails an hour of one sender that become tickets or messages; more wait, and are not lost."""
    mail_pace_seconds: float = Field(default=0.4, ge=0, le=60)
    """After the first five, seconds between two mails of one mailbox that become tickets or messages, people in copy
    counting as further mails; a domain's mails by one client come four times as fast after 20, all of one client eight
    times after 40. Others' mails and requests are not slowed by them. 0: as fast as they come."""
    mail_workers: int = Field(default=2, ge=1, le=32)
    """Mails read at once."""
    mail_read_seconds: float = Field(default=20.0, ge=0.1, le=300)
    """Processor time that the reading of one mail may take; then the mail itself becomes the ticket."""
    mail_attempts: int = Field(default=6, ge=1, le=50)
    """Before a mail that cannot be processed waits for an operator."""
    mail_auto_replies_open: bool = True
    """Whether an automatic answer to nothing we know opens a ticket (unacknowledged), or is only kept."""
    mail_staff_replies: bool = False
    """Whether an agent's mail answers the requester, where the mail server vouches for it; else it becomes a note."""
    mail_authserv_ids: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)] = ()
    """The names under which mail servers of yours write Authentication-Results, separated by commas; they must take
    out such fields of others. Without one, no agent's mail is known to be theirs."""
    mailboxes: tuple[Mailbox, ...] = ()
    """JSON: `[{"name": "support", "host": "imap.example.org", "user": "support", "password": "..."}]`."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.mail_tls_certificate is None) != (self.mail_tls_key is None):
            raise ValueError("give both mail_tls_certificate and mail_tls_key, or neither")
        if len({mailbox.name for mailbox in self.mailboxes}) < len(self.mailboxes):
            raise ValueError("two mailboxes have the same name")
        return self
