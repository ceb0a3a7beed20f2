"""Signing in with a password, with a lock-out that does not depend on cookies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from services.assignment.access.attempts import (
    FORGET_AFTER,
    Counted,
    Subject,
    count_attempt,
    find_lock,
    forget_failures,
    seconds_until,
    subject_of,
    take_back,
)
from services.assignment.access.password_policy import check_password_allowed
from services.assignment.access.second_factors import find_factors, is_second_factor_required
from services.assignment.access.second_step import SecondStep, begin_second_step
from services.assignment.access.sessions import (
    SignedIn,
    SignInProof,
    Visit,
    has_password_still,
    is_active,
    open_session,
)
from services.assignment.app_state import AppState
from services.assignment.errors import locked_out, second_factor_enrolment_required, wrong_credentials
from services.assignment.models import AccountLink, Agent, LoginAttempt, PendingSignIn, Session
from shared.contracts.vocabulary import Channel
from shared.kit.addresses import address_key
from shared.kit.auth import verify_password
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.client_address import network_of
from shared.kit.telemetry import log

TRIES = {"account from address": 5, "account": 25, "address": 100}
"""Failures until the first lock. The limit of an account alone is higher, so that strangers cannot lock its owner out.
"""
BROWSER = "browser"
"""The one subject of an attempt in a known browser: others' failures do not lock it, and its own lock nobody else."""
PASSWORD = "password"  # noqa: S105 - the name of a proof


async def sign_in(context: AppState, email: str, password: str, visit: Visit) -> SignedIn | SecondStep:
    """Opens a session, or a pending sign-in where the agent has a second factor.

    Raises Problem 401 for wrong credentials, 429 while locked out. The attempt is counted before the password is
    checked and uncounted on success. Other failures from the same address stay counted: otherwise an attacker could
    reset the counter by signing in to an account of their own.
    """
    agent = await check_password(context, email, password, visit)
    async with context.database.begin() as session:
        if not await has_password_still(session, agent):
            raise wrong_credentials()
        return await sign_in_as(context, session, agent, visit, SignInProof(PASSWORD))


async def check_password(context: AppState, email: str, password: str, visit: Visit) -> Agent:
    """The active agent with these credentials.

    Raises Problem 401 for wrong ones, 429 while locked out, 503 when too many are looked at. Whoever is locked out is
    told at once: that is read before waiting in line, and nothing is hashed for it.
    """
    if not is_text(email) or not is_text(password):
        raise wrong_credentials()
    async with context.sign_ins.look_up(is_known=visit.browser is not None):
        tried = await _look_up(context, email, visit)
    async with context.sign_ins.enter(network_of(visit.address), is_known=BROWSER in tried.subjects):
        return await _check_password(context, tried, password)


@dataclass(frozen=True, slots=True)
class _Attempt:
    email: str
    subjects: Mapping[str, Subject]


async def _look_up(context: AppState, email: str, visit: Visit) -> _Attempt:
    """What an attempt is counted for. Raises Problem 429 for one that is locked out, known account or not."""
    now, browser = utc_now(), visit.browser
    async with context.database.begin() as session:
        agent = await _find_agent(session, email)
        is_known = browser is not None and agent is not None and browser.agent_id == agent.id
        subjects = {BROWSER: browser.subject} if browser and is_known else subjects_of(email, visit.address)
        holds_until = await find_lock(session, subjects.values(), now)
    if holds_until is not None:
        _log_refusal("locked_out", agent)
        raise locked_out(seconds_until(holds_until, now))
    return _Attempt(email, subjects)


async def _check_password(context: AppState, tried: _Attempt, password: str) -> Agent:
    now = utc_now()
    async with context.database.begin() as session:
        counted = await count_attempt(session, tried.subjects, now)
        agent = await _find_agent(session, tried.email)
    if counted.holds_until is not None:
        _log_refusal("locked_out", agent)
        raise locked_out(seconds_until(counted.holds_until, now))
    if not await verify_password(password, agent.password_hash if agent else None) or not agent or not agent.is_active:
        _log_refusal("wrong_credentials", agent)
        raise wrong_credentials()
    async with context.database.begin() as session:
        await check_password_allowed(session, context.settings, agent.id)
        await _forgive(session, tried.subjects, counted)
    return agent


async def _find_agent(session: Transaction, email: str) -> Agent | None:
    return await session.scalar(select(Agent).where(func.lower(Agent.email) == address_key(email)))


def _log_refusal(reason: str, agent: Agent | None) -> None:
    """Without the address that was typed: it may be anybody's, or a password in the wrong field."""
    log.info("sign_in.refused", reason=reason, agent_id=str(agent.id) if agent else None)


async def forgive_account(session: Transaction, email: str, address: str) -> None:
    """Resets an account's failures after its owner has authenticated another way."""
    subjects = subjects_of(email, address)
    await forget_failures(session, *(subject for name, subject in subjects.items() if name != "address"))


async def sign_in_as(
    context: AppState, session: Transaction, agent: Agent, visit: Visit, proof: SignInProof
) -> SignedIn | SecondStep:
    """Opens a session for an authenticated agent, or a pending sign-in where they have a second factor.

    Raises Problem 401 for an agent who is not active. An API sign-in of an agent who must set up a second factor first
    is refused with Problem 403, because that takes a browser.
    """
    if not await is_active(session, agent.id):
        raise wrong_credentials()
    if proof.second_factor is None:
        if (await find_factors(session, agent.id)).is_enrolled:
            return await begin_second_step(session, agent.id, proof)
        if visit.channel is Channel.API and await is_second_factor_required(session, agent.id):
            raise second_factor_enrolment_required()
    return await open_session(session, context.settings, agent.id, visit, proof)


async def forget_expired(session: Transaction, now: datetime) -> None:
    """Deletes expired sessions, links and pending sign-ins, and failures too old to count."""
    for model in (Session, PendingSignIn, AccountLink):
        await session.execute(delete(model).where(model.expires_at < now))
    await session.execute(delete(LoginAttempt).where(LoginAttempt.last_at < now - FORGET_AFTER))


def is_text(words: str) -> bool:
    """Whether the value can be stored and hashed (no NUL, no surrogates)."""
    return "\0" not in words and not any("\ud800" <= character <= "\udfff" for character in words)


def subjects_of(email: str, address: str) -> Mapping[str, Subject]:
    """The subjects of password failures: account, network, and account from this network."""
    account, network = address_key(email), network_of(address)
    parts = {"account": (account,), "address": (network,)}
    return {name: subject_of(name, *parts.get(name, (account, network)), tries=tries) for name, tries in TRIES.items()}


async def _forgive(session: Transaction, subjects: Mapping[str, Subject], counted: Counted) -> None:
    """Uncounts on success: all failures of the account or known browser, but only this attempt for the address.

    From a known browser the account's failures stay: they are of others, who would else be let go on.
    """
    await forget_failures(session, *(subject for name, subject in subjects.items() if name != "address"))
    if "address" in subjects:
        await take_back(session, subjects["address"], counted.locks["address"])
