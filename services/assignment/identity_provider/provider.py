"""The provider's discovery document and keys, cached for an hour."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from services.assignment.identity_provider.id_tokens import VerifyingKey, read_keys
from services.assignment.identity_provider.refusal import SignOnRefused
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.safe_client import FetchedResponse, OutgoingFailed, SafeHttpClient

DISCOVERY = "/.well-known/openid-configuration"
REMEMBERED_SECONDS = 3600.0
AGAIN_AFTER_SECONDS = 30.0
"""Tokens with made-up keys cannot have the provider asked more often than this."""
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as it described itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    document: Mapping[str, Any]

    @property
    def takes_basic(self) -> bool:
        """Whether the client's secret goes into the header, as it does where nothing is said."""
        methods = self.document.get("token_endpoint_auth_methods_supported")
        return not isinstance(methods, list) or "client_secret_basic" in methods or "client_secret_post" not in methods

    def end_session_url(self, client_id: str, back_to: str, id_token: str | None = None) -> str:
        """Where a browser ends its session at the provider, and comes back from.

        With the ID token of the session the provider knows which one is meant, and need not ask.
        """
        place = self.end_session_endpoint or self.issuer
        said = {"client_id": client_id, "post_logout_redirect_uri": back_to.rstrip("/") + "/"}
        asked = urlencode(said | ({"id_token_hint": id_token} if id_token else {}))
        return f"{place}{'&' if urlsplit(place).query else '?'}{asked}"

    @property
    def says_issuer(self) -> bool:
        """Whether its answers name it (RFC 9207)."""
        return self.document.get("authorization_response_iss_parameter_supported") is True


async def discover(http: SafeHttpClient, issuer: str) -> Provider:
    """Reads the discovery document. Raises SignOnRefused (`away`, `bad_discovery`), its detail for administrators."""
    document = await fetch_json(http, issuer.rstrip("/") + DISCOVERY)
    if document.get("issuer") != issuer:
        raise SignOnRefused("bad_discovery", f"it calls itself {str(document.get('issuer'))[:200]!r}, not {issuer!r}")
    found = {name: _endpoint(document, name, issuer) for name in NEEDED}
    if missing := [name for name, value in found.items() if value is None]:
        raise SignOnRefused("bad_discovery", f"it names no usable {', '.join(missing)}")
    return Provider(
        issuer,
        authorization_endpoint=found["authorization_endpoint"] or "",
        token_endpoint=found["token_endpoint"] or "",
        jwks_uri=found["jwks_uri"] or "",
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", issuer),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", issuer),
        document=document,
    )


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str | None:
    """An address that browsers and we may be sent to: as well protected as the issuer's own."""
    url = document.get(name)
    if not isinstance(url, str):
        return None
    scheme = urlsplit(url).scheme
    return url if scheme == "https" or scheme == urlsplit(issuer).scheme == "http" else None


async def fetch_keys(http: SafeHttpClient, provider: Provider) -> list[VerifyingKey]:
    """The provider's keys as they are now. Raises SignOnRefused."""
    return read_keys(await fetch_json(http, provider.jwks_uri))


async def fetch_json(http: SafeHttpClient, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An object from the provider. Raises SignOnRefused (`away`, `bad_discovery`)."""
    try:
        answer = await http.get(url, {"Accept": "application/json", **(headers or {})})
    except (OutgoingRefused, OutgoingFailed) as error:
        raise SignOnRefused("away", str(error)) from error
    if answer.status != 200:
        raise SignOnRefused("away", f"{url} answers {answer.status}")
    return object_of(answer)


def object_of(answer: FetchedResponse) -> dict[str, Any]:
    """The JSON object of an answer. Raises SignOnRefused (`bad_discovery`)."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SignOnRefused("bad_discovery", "its answer is no JSON object")
    return found


@dataclass
class _Remembered:
    """A provider with its keys."""

    provider: Provider
    keys: list[VerifyingKey]
    fresh_until: float
    asked_again_at: float = -AGAIN_AFTER_SECONDS


@dataclass
class ProviderCache:
    """The providers in use, by issuer, each with its keys."""

    _known: dict[str, _Remembered] = field(default_factory=dict)

    async def get(self, http: SafeHttpClient, issuer: str) -> Provider:
        """The provider of an issuer. Raises SignOnRefused."""
        known = self._known.get(issuer)
        if known is not None and time.monotonic() < known.fresh_until:
            return known.provider
        provider = await discover(http, issuer)
        keys = await fetch_keys(http, provider)
        found = _Remembered(provider, keys, time.monotonic() + REMEMBERED_SECONDS)
        if known is not None:
            found.asked_again_at = known.asked_again_at
        self._known[issuer] = found
        return provider

    def keys_of(self, provider: Provider) -> list[VerifyingKey]:
        """Those of one provider; none of a provider that was not asked."""
        known = self._known.get(provider.issuer)
        return known.keys if known is not None else []

    async def renew_keys(self, http: SafeHttpClient, provider: Provider) -> bool:
        """Asks for the keys again, for one that is not known; False if that was done a moment ago."""
        known = self._known.get(provider.issuer)
        if known is None or time.monotonic() - known.asked_again_at < AGAIN_AFTER_SECONDS:
            return False
        known.asked_again_at = time.monotonic()
        known.keys = await fetch_keys(http, provider)
        return True

    def forget(self) -> None:
        """Reads everything anew next time."""
        self._known.clear()
