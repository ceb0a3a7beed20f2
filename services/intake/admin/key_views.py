"""API keys as the admin API takes and gives them; a secret goes out once and never comes in."""

from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from services.intake.access.key_scopes import CLIENT_SCOPES, KeyScope
from services.intake.commands.keys import OVERLAP
from services.intake.models import StoredApiKey
from shared.contracts.described_models import DescribedModel
from shared.kit.clock import utc_now
from shared.kit.http.inputs import Input, ShortLine, Whole, WrittenInstant

MAX_OVERLAP = timedelta(days=30)
EXAMPLE: dict[str, JsonValue] = {
    "key_id": "1f0c9a3be2d47a55",
    "name": "Mobile app",
    "scopes": ["create", "read"],
    "per_minute": 600,
    "cidrs": ["198.51.100.0/24"],
    "state": "active",
    "is_legacy": False,
    "created_at": "2026-11-24T09:00:00Z",
    "expires_at": "2099-12-31T00:00:00Z",
    "last_used_at": None,
    "previous_until": None,
}


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("use an address or a network, like 198.51.100.0/24") from None


def _ahead(at: datetime) -> datetime:
    if at <= utc_now():
        raise ValueError("must lie in the future")
    return at


def _once_each(scopes: list[KeyScope]) -> list[KeyScope]:
    return list(dict.fromkeys(scopes))


class CreateKey(Input):
    """A key for a client program."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{name: EXAMPLE[name] for name in ("name", "scopes", "per_minute", "cidrs", "expires_at")}]
        }
    )

    name: ShortLine
    """Who will use it."""
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=20), AfterValidator(_once_each)] = Field(
        default_factory=lambda: list(CLIENT_SCOPES)
    )
    per_minute: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    """Requests a minute; the setting's default if not said."""
    cidrs: Annotated[
        list[Annotated[str, StringConstraints(max_length=64), AfterValidator(_network)]], Field(max_length=50)
    ] = Field(default_factory=list)
    """Addresses and networks it may be used from; any, if empty."""
    expires_at: Annotated[WrittenInstant, AfterValidator(_ahead)] | None = None


class RotateKey(Input):
    """How long the secret before goes on working."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: Annotated[Whole, Field(ge=0, le=int(MAX_OVERLAP.total_seconds()))] = int(OVERLAP.total_seconds())

    @property
    def overlap(self) -> timedelta:
        """As a duration."""
        return timedelta(seconds=self.overlap_seconds)


class ApiKeyView(DescribedModel):
    """A key without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    key_id: str
    name: str
    scopes: list[KeyScope]
    per_minute: int
    cidrs: list[str]
    state: Literal["active", "expired", "revoked"]
    is_legacy: bool
    """Brought along from another help desk, for its routes alone."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """Accurate to a minute."""
    previous_until: datetime | None
    """Until when the secret before the last rotation works."""

    @classmethod
    def of(cls, stored: StoredApiKey, now: datetime) -> "ApiKeyView":
        """The view of a stored key at an instant."""
        has_expired = stored.expires_at is not None and stored.expires_at <= now
        state = "expired" if has_expired else "active"
        names = [name for name in cls.model_fields if name not in ("state", "key")]
        return cls(**{name: getattr(stored, name) for name in names}, state=state if stored.is_active else "revoked")


class KeyWithSecret(ApiKeyView):
    """A key at the only moment at which its secret is known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE | {"key": "hd_1f0c9a3be2d47a55_vRYlVJ3d1XQbGZ0b0cR1rLs1Hk3Gx8a3d2n4ZQv1b7k"}]
        }
    )

    key: str | None
    """What to send as the bearer token. Null where this answer is a repetition: rotate the key to get a new secret."""
