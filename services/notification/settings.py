"""Settings of notification: SMTP, and the operator's token."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.kit.settings import MailingSettings

PORT = 8003
UnassignedMessagesTo = Literal["members", "lead"]


class NotificationSettings(MailingSettings):
    """Each field is the variable `EVERDESK_<FIELD>`."""

    session_settings: ClassVar[Mapping[str, str]] = {"enable_seqscan": "off"}
    """Every statement has its index, and plans are kept: one made while the ledger was young would read it whole."""
    port: int = Field(default=PORT, ge=0, le=65_535)
    path_prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9_-]+)*$")
    """Path of the host that a front door serves this API under, such as `/notify`."""
    smtp_host: str = "127.0.0.1"
    """The server that mail leaves by."""
    smtp_port: int = Field(default=25, ge=1, le=65_535)
    """Its port."""
    smtp_username: str | None = None
    """The name to sign in with, if it asks for one."""
    smtp_password: SecretStr | None = None
    """The password that goes with the name."""
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    """How the connection is secured."""
    smtp_connections: int = Field(default=4, ge=1, le=50)
    """Connections that send at once, and so the most mails that a crash can repeat; 16 send half as much again."""
    smtp_pipelining: bool = True
    """Whether a server that offers `PIPELINING` is told several commands at once, the envelope of the next mail with
    the content of the one before; `false` for one that offers it and does not follow RFC 2920, so that mails hang."""
    mail_return_tokens: bool = False
    """Whether each mail has an envelope sender of its own (`support+bounce-...@`), and a report that it came back is
    believed only if it comes there. The mail server must take such senders, and deliver what is sent to them."""
    dkim_key_file: Path | None = None
    """A private key (PEM, RSA or Ed25519) with which each mail is signed for the domain of its sender (DKIM)."""
    dkim_selector: str | None = Field(default=None, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$")
    """The name under which the DNS has its public key: `<selector>._domainkey.<domain>`."""
    unassigned_messages_to: UnassignedMessagesTo = "members"
    """Who is told of a requester's message while nobody is assigned: the team's available members, or its lead."""
    feed_days: int = Field(default=30, ge=1, le=3650)
    """Days for which the change feed and the deliveries to webhooks are kept."""
    operator_token: SecretStr | None = Field(default=None, min_length=16)
    """The bearer token of the operators' API; without one that API answers 401 to everybody."""

    @model_validator(mode="after")
    def _a_whole_sign_in(self) -> Self:
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("give both smtp_username and smtp_password, or neither")
        if (self.dkim_key_file is None) != (self.dkim_selector is None):
            raise ValueError("give both dkim_key_file and dkim_selector, or neither")
        return self
