"""The second step of a sign-in: a pending sign-in after the first factor, its check and its attempt limits."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.assignment.access.attempts import (
    Subject,
    count_attempt,
    forget_failures,
    seconds_until,
    subject_of,
    take_back,
)
from services.assignment.access.factor_keys import FactorKeys
from services.assignment.access.passkeys import RelyingParty, authentication_options, check_passkey
from services.assignment.access.provider_sessions import provider_columns, provider_session_of
from services.assignment.access.second_factors import Factors, check_code, find_factors
from services.assignment.access.sessions import SignedIn, SignInProof, Visit, is_active, open_session
from services.assignment.app_state import AppState
from services.assignment.errors import locked_out, sign_in_expired, wrong_credentials, wrong_second_factor
from services.assignment.models import PendingSignIn
from shared.kit.auth import digest_of, new_token
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.client_address import network_of
from shared.kit.telemetry import log

LASTS = timedelta(minutes=10)
MOST_FAILURES = 10
"""Per pending sign-in; after that it starts again with the password."""
TRIES = {"second factor from address": 5, "second factor": 20, "second factor address": 50}
"""Failures until the first lock, counted separately from password failures."""


@dataclass(frozen=True, slots=True)
class SecondStep:
    """A pending sign-in with its token, which is returned once and grants no access by itself."""

    token: str
    agent_id: UUID


@dataclass(frozen=True, slots=True)
class StepView:
    """What the page of the second step shows."""

    factors: Factors
    passkey_options: str | None
    """For the browser, as JSON; None where the agent has no passkey or it cannot work here."""


Check = Callable[[Transaction, PendingSignIn], Awaitable[str | None]]
"""Which factor was shown; None for a wrong one."""


async def begin_second_step(session: Transaction, agent_id: UUID, proof: SignInProof) -> SecondStep:
    """Stores a pending sign-in for a few minutes after the first factor was proved."""
    token = new_token()
    session.add(
        PendingSignIn(
            digest=digest_of(token),
            agent_id=agent_id,
            method=proof.method,
            expires_at=utc_now() + LASTS,
            failures=0,
            **provider_columns(proof.provider),
        )
    )
    return SecondStep(token, agent_id)


async def view_second_step(context: AppState, token: str, party: RelyingParty | None) -> StepView:
    """The methods available now. Raises Problem 401 for an expired sign-in."""
    async with context.database.begin() as session:
        pending = await _get_pending(session, token)
        factors = await find_factors(session, pending.agent_id)
        if party is None or not factors.passkeys:
            return StepView(factors, None)
        options, pending.challenge = await authentication_options(session, party, pending.agent_id)
    return StepView(factors, options)


async def finish_with_code(context: AppState, token: str, code: str, visit: Visit) -> SignedIn:
    """Opens the session with a TOTP or recovery code. Raises Problem 401, and 429 while locked out."""
    keys = FactorKeys.of(context.settings)

    async def check(session: Transaction, pending: PendingSignIn) -> str | None:
        return await check_code(session, keys, pending.agent_id, code, utc_now())

    return await _finish(context, token, visit, check)


async def finish_with_passkey(
    context: AppState, token: str, response: str, party: RelyingParty, visit: Visit
) -> SignedIn:
    """Opens the session with a passkey's signature. Raises Problem 401, and 429 while locked out."""

    async def check(session: Transaction, pending: PendingSignIn) -> str | None:
        challenge, pending.challenge = pending.challenge, None
        fits = challenge and await check_passkey(session, party, pending.agent_id, response, challenge)
        return "passkey" if fits else None

    return await _finish(context, token, visit, check)


async def _finish(context: AppState, token: str, visit: Visit, check: Check) -> SignedIn:
    """Counts the attempt before checking it, and uncounts it on success."""
    now = utc_now()
    async with context.database.begin() as session:
        pending = await _get_pending(session, token)
        subjects = subjects_of(pending.agent_id, visit.address)
        counted = await count_attempt(session, subjects, now)
    if counted.holds_until is not None:
        raise locked_out(seconds_until(counted.holds_until, now))
    async with context.database.begin() as session:
        if not await is_active(session, pending.agent_id):
            raise wrong_credentials()
        pending = await _get_pending(session, token)
        factor = await check(session, pending)
        if factor is not None:
            await session.delete(pending)
            await forget_failures(session, *(one for name, one in subjects.items() if name != "second factor address"))
            await take_back(session, subjects["second factor address"], counted.locks["second factor address"])
            proof = SignInProof(pending.method, factor, provider_session_of(pending))
            return await open_session(session, context.settings, pending.agent_id, visit, proof)
        pending.failures += 1
    log.info("sign_in.refused", reason="wrong_second_factor", agent_id=str(pending.agent_id))
    raise wrong_second_factor()


async def _get_pending(session: Transaction, token: str) -> PendingSignIn:
    pending = await session.get(PendingSignIn, digest_of(token), with_for_update=True)
    if pending is None or pending.expires_at <= utc_now() or pending.failures >= MOST_FAILURES:
        raise sign_in_expired()
    return pending


def subjects_of(agent_id: UUID, address: str) -> Mapping[str, Subject]:
    """The subjects of second-factor failures: agent, network, and agent from this network."""
    account, network = str(agent_id), network_of(address)
    parts = {"second factor": (account,), "second factor address": (network,)}
    return {name: subject_of(name, *parts.get(name, (account, network)), tries=tries) for name, tries in TRIES.items()}
