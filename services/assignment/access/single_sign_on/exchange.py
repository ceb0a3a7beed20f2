"""Exchanges the authorization code for tokens and verifies the claims."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode

from services.assignment.access.single_sign_on.connection import ProviderConnection
from services.assignment.identity_provider.id_tokens import (
    Claims,
    Expected,
    UnknownKey,
    VerifyingKey,
    verify_id_token,
)
from services.assignment.identity_provider.provider import Provider, ProviderCache, fetch_json, object_of
from services.assignment.identity_provider.refusal import SignOnRefused
from shared.kit.clock import utc_now
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.safe_client import FetchedResponse, OutgoingFailed, SafeHttpClient

ADDRESS = ("email", "email_verified")
Verified = TypeVar("Verified")


@dataclass(frozen=True, slots=True)
class CodeExchange:
    """An authorization code with its PKCE verifier and nonce."""

    code: str
    verifier: str
    nonce: str


async def ask_for_tokens(
    http: SafeHttpClient, connection: ProviderConnection, provider: Provider, code: str, verifier: str
) -> FetchedResponse:
    """Calls the token endpoint. Raises SignOnRefused (`away`)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": connection.view.redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client_id, secret = connection.view.client_id, connection.client_secret
    if secret and provider.takes_basic:
        proof = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(proof.encode()).decode()}"
    else:
        form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    try:
        return await http.post(provider.token_endpoint, urlencode(form).encode(), headers)
    except (OutgoingRefused, OutgoingFailed) as error:
        raise SignOnRefused("away", str(error)) from error


async def fetch_claims(
    http: SafeHttpClient, cache: ProviderCache, connection: ProviderConnection, provider: Provider, asked: CodeExchange
) -> tuple[Claims, str]:
    """The verified claims about the person, and the ID token itself. Raises SignOnRefused."""
    answer = await ask_for_tokens(http, connection, provider, asked.code, asked.verifier)
    if answer.status != 200:
        raise SignOnRefused("code_refused", _error_of(answer))
    tokens = object_of(answer)
    id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
    if not isinstance(id_token, str):
        raise SignOnRefused("no_token")
    access_token = access_token if isinstance(access_token, str) else ""
    expected = Expected(connection.view.issuer, connection.view.client_id, asked.nonce, utc_now(), access_token)
    claims = await verify_with_keys(http, cache, provider, lambda keys: verify_id_token(id_token, keys, expected))
    return await _with_userinfo(http, connection, provider, claims, access_token), id_token


async def verify_with_keys(
    http: SafeHttpClient, cache: ProviderCache, provider: Provider, verify: Callable[[Sequence[VerifyingKey]], Verified]
) -> Verified:
    """Verifies a token; fetches the provider's keys once more if its key is unknown. Raises SignOnRefused."""
    try:
        return verify(cache.keys_of(provider))
    except UnknownKey:
        if not await cache.renew_keys(http, provider):
            raise SignOnRefused("unknown_key") from None
    try:
        return verify(cache.keys_of(provider))
    except UnknownKey:
        raise SignOnRefused("unknown_key") from None


async def _with_userinfo(
    http: SafeHttpClient, connection: ProviderConnection, provider: Provider, claims: Claims, access_token: str
) -> Claims:
    """Adds userinfo claims, where many providers put address and groups. The ID token takes precedence."""
    wanted = {"email", *([connection.view.groups_claim] if connection.view.groups_claim else [])}
    if wanted <= claims.keys() or provider.userinfo_endpoint is None or not access_token:
        return claims
    told: Mapping[str, Any] = await fetch_json(
        http, provider.userinfo_endpoint, {"Authorization": f"Bearer {access_token}"}
    )
    if told.get("sub") != claims["sub"]:
        raise SignOnRefused("other_person")
    return merged(claims, told)


def merged(signed: Claims, told: Claims) -> Claims:
    """Merges two sets of claims; `email` and `email_verified` are taken from the same one."""
    if "email" in signed:
        return {**{name: value for name, value in told.items() if name not in ADDRESS}, **signed}
    return {**told, **{name: value for name, value in signed.items() if name not in ADDRESS}}


def _error_of(answer: FetchedResponse) -> str:
    """The provider's OAuth error code."""
    try:
        return str(object_of(answer).get("error", ""))[:80]
    except SignOnRefused:
        return ""
