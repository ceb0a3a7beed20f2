"""Where the sink listens and keeps its mail."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class MailSinkSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="EVERDESK_", frozen=True)

    host: str = "127.0.0.1"
    smtp_port: int = 1025
    port: int = 8025
    mail_dir: Path = Path(".everdesk/mail")
