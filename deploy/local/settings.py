"""The settings of the one-command stack, all of them, read once from EVERDESK_* variables."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.errors import LocalStackError

HOST = "127.0.0.1"


class LocalSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="EVERDESK_", frozen=True)

    home: Path = Path(".everdesk")
    intake_port: int = Field(default=8001, ge=1, le=65_535)
    assignment_port: int = Field(default=8002, ge=1, le=65_535)
    notification_port: int = Field(default=8003, ge=1, le=65_535)
    mail_in_port: int = Field(default=2525, ge=1, le=65_535)
    mail_smtp_port: int = Field(default=1025, ge=1, le=65_535)
    mail_port: int = Field(default=8025, ge=1, le=65_535)
    temporal_ui_port: int = Field(default=8233, ge=1, le=65_535)
    seed: Literal["demo", "empty"] = "demo"
    """What a new installation begins with: a demonstration, or a link for its first administrator."""
    replicas: int = Field(default=1, ge=1, le=4)
    """How many of each of our processes; those beyond the first listen on ports that are found, see `stack.json`."""
    stream_max_bytes: int | None = Field(default=None, ge=16 * 1024**2)
    """Size of the event stream; without it, the services' own default, or what there is room for."""

    @property
    def fixed_ports(self) -> dict[str, int]:
        """By the name each has in `stack.json`; the setting is EVERDESK_<NAME>_PORT."""
        return {
            "intake": self.intake_port,
            "assignment": self.assignment_port,
            "notification": self.notification_port,
            "mail_in": self.mail_in_port,
            "mail_smtp": self.mail_smtp_port,
            "mail": self.mail_port,
            "temporal_ui": self.temporal_ui_port,
        }

    @property
    def passed_on(self) -> dict[str, str]:
        """EVERDESK_* settings that are not ours are the services' own (a log level, a mailbox to poll)."""
        ours = {f"EVERDESK_{name.upper()}" for name in type(self).model_fields}
        return {name: value for name, value in os.environ.items() if _is_setting(name) and name not in ours}


def _is_setting(name: str) -> bool:
    return name.startswith("EVERDESK_")


def setting_of(port_name: str) -> str:
    return f"EVERDESK_{port_name.upper()}_PORT"


def load_settings(home: Path | None) -> LocalSettings:
    try:
        settings = LocalSettings()
    except ValidationError as problem:
        wrong = "; ".join(f"EVERDESK_{str(e['loc'][0]).upper()}: {e['msg']}" for e in problem.errors())
        raise LocalStackError(f"A setting cannot be used. {wrong}. Correct or unset it.") from None
    return settings.model_copy(update={"home": (home or settings.home).absolute()})
