"""Where an installation keeps what it holds: read from the environment, or from the local stack's own records."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.cli.environment import DATABASE_URL, NATS_URL, home, local_plan
from deploy.cli.errors import CliError
from deploy.local.plan import SERVICES
from deploy.local.state_folder import StateFolder


class BackupSettings(BaseSettings):
    """For an installation on containers, or on engines of your own; `make run` needs none of these."""

    model_config = SettingsConfigDict(env_prefix="EVERDESK_BACKUP_", frozen=True)

    intake_url: SecretStr = Field(description="Intake's database, as EVERDESK_DATABASE_URL of that service names it")
    assignment_url: SecretStr = Field(description="Assignment's database")
    notification_url: SecretStr = Field(description="Notification's database")
    temporal_urls: SecretStr = Field(
        default=SecretStr(""),
        description="Temporal's own databases in PostgreSQL, separated by blanks; none: they are saved elsewhere",
    )
    temporal_file: Path | None = Field(
        default=None, description="Temporal's SQLite file, where the development server keeps one"
    )
    files: Path | None = Field(
        default=None, description="The folder of attached files; none: they are in a bucket, which is copied elsewhere"
    )


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that has to be saved, by where it is."""

    databases: Mapping[str, str] = field(repr=False)
    """By service: as libpq and asyncpg understand it."""
    nats_url: str = field(repr=False)
    temporal_file: Path | None = None
    temporal_databases: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Path | None = None
    secrets: Path | None = None

    @property
    def not_included(self) -> tuple[str, ...]:
        """What the operator has to save by other means."""
        missing = []
        if self.temporal_file is None and not self.temporal_databases:
            missing.append("Temporal's store: restore it to an instant not before cut_at")
        if self.files is None:
            missing.append("attached files: in a bucket")
        if self.secrets is None:
            missing.append("secrets: keep the environment (.env) of the installation; links in old mails need them")
        return tuple(missing)


def is_named() -> bool:
    """Whether the environment says where the stores are."""
    return any(name.startswith("EVERDESK_BACKUP_") for name in os.environ)


def find_stores() -> tuple[Stores, StateFolder | None]:
    """Those of the environment if it names them, else those of the running local stack with its folder."""
    if is_named():
        return named_stores(), None
    state = StateFolder(home().absolute())
    return local_stores(state), state


def named_stores() -> Stores:
    """Raises CliError if a setting is missing or cannot be used."""
    try:
        settings = BackupSettings()
        nats = os.environ[NATS_URL]
    except ValidationError as problem:
        wrong = "; ".join(f"EVERDESK_BACKUP_{str(e['loc'][0]).upper()}: {e['msg']}" for e in problem.errors())
        raise CliError(f"A setting cannot be used. {wrong}.") from None
    except KeyError:
        raise CliError(f"{NATS_URL} is missing.") from None
    urls = {name: getattr(settings, f"{name}_url").get_secret_value() for name in SERVICES}
    temporal = [_plain(url) for url in settings.temporal_urls.get_secret_value().split()]
    return Stores(
        databases={name: _plain(url) for name, url in urls.items()},
        nats_url=nats,
        temporal_file=settings.temporal_file,
        temporal_databases={urlsplit(url).path.strip("/"): url for url in temporal},
        files=settings.files,
    )


def local_stores(state: StateFolder) -> Stores:
    """Those of the stack that runs from a folder. Raises LocalStackError if none does."""
    told = {
        part.name: dict(part.engine.launch().env) for part in local_plan().parts if part.name in (*SERVICES, "worker")
    }
    storage = urlsplit(told["intake"]["EVERDESK_STORAGE_URL"])
    return Stores(
        databases={name: _plain(told[name][DATABASE_URL]) for name in SERVICES},
        nats_url=told["worker"][NATS_URL],
        temporal_file=state.path / "temporal" / "temporal.db",
        files=Path(unquote(storage.path)) if storage.scheme in ("", "file") else None,
        secrets=state.secrets,
    )


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "", 1)
