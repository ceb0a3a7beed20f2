"""The authorization code flow: started and finished in the same browser, once."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from services.assignment.access.provider_sessions import ProviderSession
from services.assignment.access.second_step import SecondStep
from services.assignment.access.sessions import SignedIn, SignInProof, Visit
from services.assignment.access.sign_in import sign_in_as
from services.assignment.access.single_sign_on.back_channel import refuse_ended, session_name_of
from services.assignment.access.single_sign_on.connection import ProviderConnection, find_connection, list_connections
from services.assignment.access.single_sign_on.exchange import CodeExchange, fetch_claims
from services.assignment.access.single_sign_on.keys import LASTS_SECONDS, SignOnKeys
from services.assignment.access.single_sign_on.people import find_or_make_agent, has_second_factor
from services.assignment.app_state import AppState
from services.assignment.identity_provider.refusal import SignOnRefused
from services.assignment.models import UsedSignOn
from shared.kit.auth import digest_of
from shared.kit.clock import utc_now
from shared.kit.db import Session

METHOD = "oidc"
FACTOR = "provider"
MAX_ANSWER = 8_192


@dataclass(frozen=True, slots=True)
class TripToProvider:
    """The redirect to the provider, and the cookie to set."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """The callback's parameters, and the browser's cookie."""

    cookie: str = ""
    state: str = ""
    code: str = ""
    issuer: str | None = None
    error: str = ""


async def begin_sign_on(context: AppState, number: int, following: str) -> TripToProvider:
    """Starts a sign-in at the provider of this number. Raises SignOnRefused (`off`, `away`)."""
    connection = await _usable_connection(context, number)
    provider = await context.provider.get(context.http_client, connection.view.issuer)
    keys = SignOnKeys(context.settings)
    cookie = keys.begin(following, number)
    seed, _, _ = keys.read(cookie) or ("", "", 0)
    verifier = keys.derive("verifier", seed)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": connection.view.client_id,
        "redirect_uri": connection.view.redirect_uri,
        "scope": connection.view.scopes,
        "state": keys.derive("state", seed),
        "nonce": keys.derive("nonce", seed),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    place = provider.authorization_endpoint
    return TripToProvider(f"{place}{'&' if urlsplit(place).query else '?'}{urlencode(asked)}", cookie)


async def _usable_connection(context: AppState, number: int) -> ProviderConnection:
    async with context.database.begin() as session:
        connection = await find_connection(session, context.settings, number)
    if connection is None or not connection.is_usable:
        raise SignOnRefused("off")
    return connection


@dataclass(frozen=True, slots=True)
class Arrival:
    """The result: a session or a pending second step, and the page to continue to."""

    outcome: SignedIn | SecondStep
    following: str


async def finish_sign_on(context: AppState, number: int, answer: ProviderAnswer, visit: Visit) -> Arrival:
    """Signs in the agent the claims identify. Raises SignOnRefused, and Problem where the agent cannot sign in.

    `number` is the provider whose own address was called: the browser must have set out for the same one.
    """
    keys = SignOnKeys(context.settings)
    begun = keys.read(answer.cookie) if answer.cookie else None
    if begun is None:
        raise SignOnRefused("no_cookie")
    seed, following, begun_at = begun
    if begun_at != number:
        raise SignOnRefused("wrong_provider")
    if not hmac.compare_digest(keys.derive("state", seed).encode(), answer.state.encode()):
        raise SignOnRefused("wrong_state")
    connection = await _usable_connection(context, number)
    provider = await context.provider.get(context.http_client, connection.view.issuer)
    if answer.issuer != provider.issuer and (answer.issuer is not None or provider.says_issuer):
        raise SignOnRefused("wrong_issuer")
    if answer.error or not 0 < len(answer.code) <= MAX_ANSWER:
        raise SignOnRefused("denied", answer.error[:80])
    await _use_up(context, seed)
    asked = CodeExchange(answer.code, keys.derive("verifier", seed), keys.derive("nonce", seed))
    claims, id_token = await fetch_claims(context.http_client, context.provider, connection, provider, asked)
    at_provider = ProviderSession(provider.issuer, claims["sub"], session_name_of(claims), keys.encrypt_token(id_token))
    factor = FACTOR if has_second_factor(connection.view, claims) else None
    proof = SignInProof(METHOD, factor, at_provider)
    async with context.database.begin() as session:
        await refuse_ended(session, at_provider)
        issuers = {one.view.issuer for one in await list_connections(session, context.settings) if one.is_usable}
        agent = await find_or_make_agent(session, context.settings, connection.view, claims, visit.address, issuers)
        outcome = await sign_in_as(context, session, agent, visit, proof)
    context.relay.wake()
    return Arrival(outcome, following)


async def _use_up(context: AppState, seed: str) -> None:
    """Marks the state as used, across replicas. Raises SignOnRefused if it was used before."""
    until = utc_now() + timedelta(seconds=LASTS_SECONDS)
    used = insert(UsedSignOn).values(digest=digest_of(seed), expires_at=until).on_conflict_do_nothing()
    async with context.database.begin() as session:
        if await session.scalar(used.returning(UsedSignOn.digest)) is None:
            raise SignOnRefused("used")


async def forget_used(session: Session) -> None:
    """Deletes used states that have expired."""
    await session.execute(delete(UsedSignOn).where(UsedSignOn.expires_at < utc_now()))
