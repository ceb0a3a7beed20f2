"""Every setting of every process, read from the environment once, at start."""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.kit.addresses import is_plain, with_ascii_domain
from shared.kit.file_settings import SettingsFromFiles
from shared.kit.i18n.languages import LANGUAGES
from shared.kit.networks import AllowedHosts, AllowedNetworks


class Settings(BaseSettings):
    """What all processes need. Each field is the variable `EVERDESK_<FIELD>`, or the file `EVERDESK_<FIELD>_FILE`."""

    model_config = SettingsConfigDict(env_prefix="EVERDESK_", env_file=None, frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """The port to listen on."""
    max_connections: int = Field(default=4000, ge=10)
    """Connections one process serves at once, live streams among them; more are answered 503."""
    stop_notice_seconds: float = Field(default=2.0, ge=0, le=60)
    """How long a process that is told to stop still takes requests, while `/readyz` sends them to others."""
    nats_url: SecretStr = SecretStr("nats://127.0.0.1:4222")
    """Where NATS is, with user and password."""
    temporal_address: str = "127.0.0.1:7233"
    """Where Temporal's frontend is."""
    temporal_namespace: str = "default"
    """Its namespace; one for Everdesk alone."""
    link_secret: SecretStr = Field(min_length=16)
    """Signs the requesters' links; the same in intake and notification."""
    link_days: int = Field(default=90, ge=1, le=3650)
    """Days a requester's link works."""
    portal_url: str = "http://127.0.0.1:8001"
    """How requesters reach the support centre, with its path if it has one: the beginning of every link in a mail."""
    desk_url: str = "http://127.0.0.1:8002"
    """How agents reach the desk; with a path, such as https://help.example.org/desk, the desk is served under it."""
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """Asked of whoever reads `/metrics`, as a bearer token; without it they are for the same machine alone."""
    log_format: Literal["console", "json"] = "json"
    """Lines for people or for programs."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least that is written."""
    traces_endpoint: str | None = Field(default=None, pattern="^https?://")
    """A collector that takes OTLP over HTTP, as `http://collector:4318`; without one nothing is traced."""
    traces_ratio: float = Field(default=1.0, ge=0, le=1)
    """Which part of the requests begins a trace."""
    stream_max_bytes: int = Field(default=4 * 1024**3, ge=16 * 1024**2)
    """Size of the event stream, or half or less if room lacks; full, it refuses and outboxes hold what waits."""
    stream_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of the streams; more than one needs a cluster of as many NATS servers."""
    nats_monitor_url: str | None = None
    """NATS's monitor, asked once at start whether an acknowledged event outlives a power cut."""
    stream_max_age_days: int = Field(default=30, ge=1, le=3650)
    """How long the event stream remembers."""
    dead_letter_days: int = Field(default=90, ge=1, le=3650)
    """How long events that a consumer could not handle wait for an operator; they may hold people's words."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - named by the base class
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - named by the base class
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then files that the environment names."""
        return init_settings, env_settings, SettingsFromFiles(settings_cls, "EVERDESK_")


class ServiceSettings(Settings):
    """What every service needs on top: its database, and what it believes of the network in front of it."""

    session_settings: ClassVar[Mapping[str, str]] = {}
    """What PostgreSQL is told for each of the service's sessions, besides what all services tell it."""
    database_url: SecretStr
    """`postgresql+asyncpg://user:password@host/name`, one database per service."""
    database_pool_size: int = Field(default=20, ge=2, le=200)
    """Connections a process may hold; each is made when it is first needed, and kept."""
    trusted_proxies: AllowedNetworks = ()
    """Addresses or networks whose `X-Forwarded-For` is believed: `10.0.0.5, 10.20.0.0/16`."""
    outgoing_allowed_networks: AllowedNetworks = ()
    """Networks of ours that feeds and webhooks may reach, over http too, as `10.20.0.0/16`. Others are public."""
    outgoing_allowed_hosts: AllowedHosts = ()
    """Hosts of ours that feeds and webhooks may reach by name, wherever they are: `erp.lan, receiver.lan`."""
    events_for_outsiders: bool = False
    """Whether `assignment.decided`, `note.added`, `notification.sent` go to the stream too, for programs of yours."""
    audit_days: int = Field(default=1095, ge=30, le=36_500)
    """How long the audit logs keep a change of the configuration."""
    seed: Literal["demo", "empty"] = "demo"
    """What a new installation begins with: a demonstration, or nothing but a link for its first administrator."""
    shared_limits: bool = True
    """Whether all processes of a service count rate limits together, with a statement for a twentieth of a budget."""
    answer_hours: int = Field(default=72, ge=24, le=24 * 30)
    """How long the first answer to an Idempotency-Key is kept and given again."""
    secure_cookies: bool = False
    """Set where the site is served over https; taken as set where its public URL begins with https."""
    languages: str = "en de"
    """Languages that pages and mails are offered in, separated by spaces: `en`, `de`."""
    default_language: str = "en"
    """The language where neither the reader nor the browser says which one is wanted."""

    @property
    def offered_languages(self) -> tuple[str, ...]:
        """The tags in `languages`."""
        return tuple(dict.fromkeys(self.languages.split()))

    @model_validator(mode="after")
    def _offer_what_there_is(self) -> Self:
        unknown = [tag for tag in self.offered_languages if tag not in LANGUAGES]
        if unknown:
            raise ValueError(f"languages: there is no translation into {' '.join(unknown)}")
        if self.default_language not in self.offered_languages:
            raise ValueError("default_language must be one of languages")
        return self


class StorageSettings(ServiceSettings):
    """What a service needs that keeps files."""

    storage_url: str = ".everdesk/files"
    """Where files are kept: a folder, `file:///…`, or `s3://bucket/prefix`."""
    storage_endpoint: str | None = None
    """Of anything that speaks S3; Amazon's own where nothing is said."""
    storage_region: str = "us-east-1"
    """Of the bucket."""
    storage_access_key: str | None = None
    """Name of the bucket's user."""
    storage_secret_key: SecretStr | None = None
    """Secret of the bucket's user."""


class MailingSettings(ServiceSettings):
    """What the services that send mail and take it in must agree on: whom people write to."""

    mail_from: str = "Everdesk <support@everdesk.example>"
    """The address mails come from and answers go to. The name `Everdesk` gives way to the organisation's."""

    @model_validator(mode="after")
    def _a_usable_sender(self) -> Self:
        if not is_plain(self.mail_address):
            raise ValueError("mail_from must be an address, such as Everdesk <support@everdesk.example>")
        return self

    @property
    def mail_address(self) -> str:
        """The bare address of `mail_from`, its domain in ASCII."""
        return with_ascii_domain(parseaddr(self.mail_from)[1])

    @property
    def mail_name(self) -> str:
        """The display name of `mail_from`; agents' names are shown as "Ada via Everdesk"."""
        return parseaddr(self.mail_from)[0] or "Everdesk"

    @property
    def mail_domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.mail_address.rpartition("@")[2].casefold()
