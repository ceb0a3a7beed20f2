"""Signing in and out, with a lockout that forgets nothing when a cookie is dropped."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.errors import locked_out, wrong_credentials
from services.assignment.models import Agent, LoginAttempt, Session
from shared.kit.addresses import address_key
from shared.kit.auth import digest_of, new_token, verify_password
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.client_address import network_of

FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
FORGET_AFTER = timedelta(hours=48)
TRIES = {"account from address": 5, "account": 25, "address": 100}
"""Failures until the first lock. An account alone bears more, so that a stranger cannot easily lock its owner out."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; the token is told once."""

    token: str
    expires_at: datetime
    agent_id: UUID
    email: str
    name: str


async def sign_in(
    context: AppState, email: str, password: str, address: str, replaced: bytes | None = None
) -> SignedIn:
    """Opens a session; `replaced` is the digest of the browser's session before, which ends.

    Raises Problem 401 for wrong credentials, 429 while locked out. The attempt is counted before the password is looked
    at and forgiven when it fits, so that attempts sent at once cannot outrun the count. What others failed at from the
    same address is not forgiven: else an attacker's own account would clear the way for guessing.
    """
    if not _is_text(email) or not _is_text(password):
        raise wrong_credentials()
    async with context.sign_ins:
        return await _sign_in(context, email, password, address, replaced)


async def _sign_in(context: AppState, email: str, password: str, address: str, replaced: bytes | None) -> SignedIn:
    now = utc_now()
    subjects = {name: _subject(name, email, address) for name in TRIES}
    async with context.database.begin() as session:
        counted = await _count(session, subjects, now)
        agent = await session.scalar(select(Agent).where(func.lower(Agent.email) == address_key(email)))
    if counted.holds_until is not None:
        raise locked_out(max(1, round((counted.holds_until - now).total_seconds())))
    if not await verify_password(password, agent.password_hash if agent else None) or not agent or not agent.is_active:
        raise wrong_credentials()
    token, expires_at = new_token(), now + timedelta(hours=context.settings.session_hours)
    async with context.database.begin() as session:
        await _forgive(session, subjects, counted)
        await session.execute(delete(Session).where(Session.digest == replaced))
        session.add(Session(digest=digest_of(token), agent_id=agent.id, created_at=now, expires_at=expires_at))
    return SignedIn(token, expires_at, agent.id, agent.email, agent.name)


async def sign_out(context: AppState, session_digest: bytes) -> None:
    """Ends a session; ending it twice does nothing."""
    async with context.database.begin() as session:
        await session.execute(delete(Session).where(Session.digest == session_digest))


async def sign_out_everywhere(context: AppState, agent_id: UUID) -> None:
    """Ends every session of an agent."""
    async with context.database.begin() as session:
        await session.execute(delete(Session).where(Session.agent_id == agent_id))


async def forget_expired(session: Transaction, now: datetime) -> None:
    """Deletes sessions that have ended and failures too old to count."""
    await session.execute(delete(Session).where(Session.expires_at < now))
    await session.execute(delete(LoginAttempt).where(LoginAttempt.last_at < now - FORGET_AFTER))


def _is_text(words: str) -> bool:
    """Whether a database and a hash can take it; what they cannot is nobody's address or password."""
    return "\0" not in words and not any("\ud800" <= character <= "\udfff" for character in words)


def _subject(name: str, email: str, address: str) -> bytes:
    """A digest, so that the table is no list of addresses."""
    account, network = address_key(email), network_of(address)
    parts = {"account": (account,), "address": (network,)}.get(name, (account, network))
    return hashlib.sha256("\n".join((name, *parts)).encode()).digest()


@dataclass(frozen=True, slots=True)
class _Counted:
    """What counting an attempt found or did."""

    holds_until: datetime | None = None
    """A lock that was there already; then nothing was counted."""
    address_locked_until: datetime | None = None
    """The lock of the address that this very attempt set."""


async def _count(session: Transaction, subjects: dict[str, bytes], now: datetime) -> _Counted:
    """Counts one more failure per subject, unless a lock holds.

    One at a time per account and per address: else attempts at many accounts from one address would each count on
    what they had read before the others wrote.
    """
    for key in sorted(int.from_bytes(subjects[name][:8], "big", signed=True) for name in ("account", "address")):
        await session.execute(select(func.pg_advisory_xact_lock(key)))
    attempts = await session.scalars(select(LoginAttempt).where(LoginAttempt.subject.in_(subjects.values())))
    known = {attempt.subject: attempt for attempt in attempts}
    locks = [one.locked_until for one in known.values() if one.locked_until and one.locked_until > now]
    if locks:
        return _Counted(holds_until=max(locks))
    set_by_this: dict[str, datetime | None] = {}
    for name, subject in sorted(subjects.items(), key=lambda item: item[1]):
        failures = known[subject].failures + 1 if subject in known else 1
        lasts = lock_after(failures, TRIES[name])
        set_by_this[name] = now + lasts if lasts else None
        values = {"failures": failures, "last_at": now, "locked_until": set_by_this[name]}
        counted = insert(LoginAttempt).values(subject=subject, **values)
        await session.execute(counted.on_conflict_do_update(index_elements=["subject"], set_=values))
    return _Counted(address_locked_until=set_by_this["address"])


async def _forgive(session: Transaction, subjects: dict[str, bytes], counted: _Counted) -> None:
    """Takes back what this attempt counted: for the account all its failures, for the address this one.

    A lock that others' failures set at the address in the meantime stays.
    """
    own = [subject for name, subject in subjects.items() if name != "address"]
    await session.execute(delete(LoginAttempt).where(LoginAttempt.subject.in_(own)))
    at_address = LoginAttempt.subject == subjects["address"]
    await session.execute(
        update(LoginAttempt).where(at_address).values(failures=func.greatest(LoginAttempt.failures - 1, 0))
    )
    if counted.address_locked_until is not None:
        is_own_lock = LoginAttempt.locked_until == counted.address_locked_until
        await session.execute(update(LoginAttempt).where(at_address, is_own_lock).values(locked_until=None))


def lock_after(failures: int, tries: int) -> timedelta | None:
    """How long the n-th failure in a row locks: every `tries` failures, twice as long as the time before."""
    if failures % tries:
        return None
    doublings = min(failures // tries - 1, 10)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)
