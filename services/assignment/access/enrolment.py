"""Adding and removing one's own second factors, recorded in the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import delete

from services.assignment.access import passkeys
from services.assignment.access.access_log import record_access
from services.assignment.access.attempts import count_attempt, seconds_until, subject_of
from services.assignment.access.factor_keys import FactorKeys
from services.assignment.access.passkeys import RelyingParty
from services.assignment.access.provider_sessions import provider_session_of
from services.assignment.access.second_factors import (
    Factors,
    begin_totp,
    confirm_totp,
    find_factors,
    make_recovery_codes,
    settle_removal,
)
from services.assignment.access.sessions import SignedIn, SignInProof, Visit, end_sessions, lock_agent, open_session
from services.assignment.app_state import AppState
from services.assignment.errors import locked_out, wrong_second_factor
from services.assignment.models import Agent, Passkey, Session, TotpSecret
from services.assignment.queries.access.callers import Caller
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.problems import Problem, not_found

CONFIRM_TRIES = 20


@dataclass(frozen=True, slots=True)
class EnrolmentOffer:
    """The second factors that an agent can set up, with what the page needs for it."""

    factors: Factors
    secret: bytes | None
    """Of an app; None where one is in use."""
    passkey_options: str | None
    """For the browser, as JSON; None where browsers offer no passkeys at this address."""


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey created by a browser, with its relying party."""

    party: RelyingParty | None
    name: str
    response: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The result of adding a factor: a new session token; all other sessions have ended."""

    signed_in: SignedIn
    recovery_codes: Sequence[str] = field(default=(), repr=False)
    """Told once, with the first factor."""


async def offer(context: AppState, by: Caller, party: RelyingParty | None) -> EnrolmentOffer:
    """What an agent can set up now, with the TOTP secret and WebAuthn options needed for it."""
    keys = FactorKeys.of(context.settings)
    async with context.database.begin() as session:
        factors = await find_factors(session, by.agent_id)
        secret = None if factors.has_totp else await begin_totp(session, keys, by.agent_id)
        options = None
        if party is not None:
            agent = await session.get_one(Agent, by.agent_id)
            own = await _own_session(session, by)
            options, own.challenge = await passkeys.registration_options(session, party, agent)
    return EnrolmentOffer(factors, secret, options)


async def add_app(context: AppState, by: Caller, code: str, visit: Visit) -> Enrolled:
    """Enrols an authenticator app. Raises Problem 401 for a wrong code, 429 after too many failures."""
    now, keys = utc_now(), FactorKeys.of(context.settings)
    guesses = subject_of("second factor set-up", str(by.agent_id), tries=CONFIRM_TRIES)
    async with context.database.begin() as session:
        counted = await count_attempt(session, {"set-up": guesses}, now)
    if counted.holds_until is not None:
        raise locked_out(seconds_until(counted.holds_until, now))
    async with context.database.begin() as session:
        await lock_agent(session, by.agent_id)
        if not await confirm_totp(session, keys, by.agent_id, code):
            raise wrong_second_factor()
        return await _added(context, session, by, visit, "totp")


async def add_passkey(context: AppState, by: Caller, made: NewPasskey, visit: Visit) -> Enrolled:
    """Enrols a passkey. Raises Problem 401 for one that does not match the challenge."""
    async with context.database.begin() as session:
        own = await _own_session(session, by)
        challenge, own.challenge = own.challenge, None
    async with context.database.begin() as session:
        await lock_agent(session, by.agent_id)
        is_kept = False
        if made.party is not None and challenge is not None:
            is_kept = await passkeys.add_passkey(session, made.party, by.agent_id, made.name, made.response, challenge)
        if not is_kept:
            raise Problem(401, "wrong_passkey", "the passkey could not be added; load the page anew and try again")
        return await _added(context, session, by, visit, "passkey")


async def remove_app(context: AppState, by: Caller) -> None:
    """Removes the app. A role that requires a second factor then asks for a new one at once."""
    async with context.database.begin() as session:
        agent = await session.get_one(Agent, by.agent_id)
        gone = delete(TotpSecret).where(TotpSecret.agent_id == by.agent_id, TotpSecret.confirmed_at.is_not(None))
        if await session.scalar(gone.returning(TotpSecret.agent_id)) is not None:
            await settle_removal(session, by.agent_id)
            await record_access(session, "agent.second-factor-removed", agent, by, told={"kind": "totp"})


async def remove_passkey(context: AppState, by: Caller, passkey_id: UUID) -> None:
    """Removes one of one's own passkeys. Raises Problem 404 for any other id."""
    async with context.database.begin() as session:
        agent = await session.get_one(Agent, by.agent_id)
        gone = delete(Passkey).where(Passkey.id == passkey_id, Passkey.agent_id == by.agent_id)
        name = await session.scalar(gone.returning(Passkey.name))
        if name is None:
            raise not_found("passkey")
        await settle_removal(session, by.agent_id)
        await record_access(session, "agent.second-factor-removed", agent, by, told={"kind": "passkey", "name": name})


async def renew_recovery_codes(context: AppState, by: Caller) -> list[str]:
    """Replaces the recovery codes; returns the new ones once. Raises Problem 409 without a second factor."""
    keys = FactorKeys.of(context.settings)
    async with context.database.begin() as session:
        if not (await find_factors(session, by.agent_id)).is_enrolled:
            raise Problem(409, "no_second_factor", "set up an app or a passkey first; codes stand in for it")
        agent = await session.get_one(Agent, by.agent_id)
        codes = await make_recovery_codes(session, keys, by.agent_id)
        await record_access(session, "agent.recovery-codes-made", agent, by)
        return codes


async def _added(context: AppState, session: Transaction, by: Caller, visit: Visit, kind: str) -> Enrolled:
    """Ends all sessions, and continues the current one under a new token with the new factor as proof."""
    await session.flush()
    agent = await session.get_one(Agent, by.agent_id)
    factors, own = await find_factors(session, by.agent_id), await _own_session(session, by)
    method, provider = own.method, provider_session_of(own)
    session.expunge(own)
    keys = FactorKeys.of(context.settings)
    codes = [] if factors.recovery_codes else await make_recovery_codes(session, keys, by.agent_id)
    await end_sessions(session, by.agent_id)
    await record_access(session, "agent.second-factor-added", agent, by, told={"kind": kind})
    proof = SignInProof(method, kind, provider)
    opened = await open_session(session, context.settings, by.agent_id, visit, proof)
    return Enrolled(opened, codes)


async def _own_session(session: Transaction, by: Caller) -> Session:
    """The session of the request. Raises Problem 401 if it has ended."""
    own = await session.get(Session, by.session_digest, with_for_update=True)
    if own is None:
        raise Problem(401, "not_authenticated", "the session has ended; sign in again")
    return own
