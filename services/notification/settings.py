"""What notification needs to know on top of the common settings: how mail leaves, and who may look at the ledger."""

from email.utils import parseaddr
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.kit.settings import ServiceSettings

PORT = 8003


class NotificationSettings(ServiceSettings):
    """Each field is the variable `EVERDESK_<FIELD>`."""

    port: int = Field(default=PORT, ge=0, le=65_535)
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=25, ge=1, le=65_535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_connections: int = Field(default=4, ge=1, le=50)
    """Mails under way at once."""
    mail_from: str = "Everdesk <support@everdesk.example>"
    """The address mails come from and answers go to."""
    operator_token: SecretStr | None = Field(default=None, min_length=16)
    """The bearer token of the operators' API; without one that API answers 401 to everybody."""

    @model_validator(mode="after")
    def _a_usable_sender(self) -> Self:
        if "@" not in self.mail_address:
            raise ValueError("mail_from must be an address, such as Everdesk <support@everdesk.example>")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("give both smtp_username and smtp_password, or neither")
        return self

    @property
    def mail_address(self) -> str:
        """The bare address of `mail_from`."""
        return parseaddr(self.mail_from)[1]

    @property
    def mail_name(self) -> str:
        """The display name of `mail_from`; agents' names are shown as "Ada via Everdesk"."""
        return parseaddr(self.mail_from)[0] or "Everdesk"

    @property
    def mail_domain(self) -> str:
        """The domain of our Message-IDs; intake uses the same to recognise answers."""
        return self.mail_address.rpartition("@")[2].casefold()
