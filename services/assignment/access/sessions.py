"""Sessions: opened after authentication, listed, and ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select

from services.assignment.access.known_browsers import KnownBrowser
from services.assignment.access.provider_sessions import ProviderSession, provider_columns
from services.assignment.app_state import AppState
from services.assignment.models import Agent, PendingSignIn, Session
from services.assignment.schemas.access import SessionInfo
from services.assignment.settings import AssignmentSettings
from shared.contracts.vocabulary import Channel
from shared.kit.auth import digest_of, new_token
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.telemetry import log

USER_AGENT_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Visit:
    """The origin of a sign-in: network address, browser, and the browser's previous session."""

    channel: Channel
    address: str
    """The network address."""
    user_agent: str = ""
    replaced: bytes | None = None
    """The digest of the session that this browser had, which the new one takes the place of."""
    browser: KnownBrowser | None = None
    """Where the agent of this browser's cookie has signed in before."""


@dataclass(frozen=True, slots=True)
class SignInProof:
    """How the agent authenticated: the first factor, and the second one if there was any."""

    method: str
    """`password`, `oidc`."""
    second_factor: str | None = None
    """`totp`, `passkey`, `recovery_code`, or `provider` where whoever vouched for the agent has asked for one."""
    provider: ProviderSession | None = None
    """The session at the identity provider, which can end this one."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session with its token, which is returned once."""

    token: str
    expires_at: datetime
    agent_id: UUID


async def open_session(
    session: Transaction, settings: AssignmentSettings, agent_id: UUID, visit: Visit, proof: SignInProof
) -> SignedIn:
    """Opens a session with a new token. The caller has checked the proof and that the agent is active.

    The token is always new, so that a token planted in the browser before (session fixation) is worthless.
    """
    token, now = new_token(), utc_now()
    expires_at = now + timedelta(hours=settings.session_hours)
    if visit.replaced is not None:
        await session.execute(delete(Session).where(Session.digest == visit.replaced))
    session.add(
        Session(
            digest=digest_of(token),
            agent_id=agent_id,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
            channel=visit.channel.value,
            method=proof.method,
            second_factor=proof.second_factor,
            address=visit.address[:64],
            user_agent=_printable(visit.user_agent)[:USER_AGENT_LENGTH],
            **provider_columns(proof.provider),
        )
    )
    log.info(
        "sign_in.succeeded",
        agent_id=str(agent_id),
        method=proof.method,
        second_factor=proof.second_factor,
        channel=visit.channel.value,
    )
    return SignedIn(token, expires_at, agent_id)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


async def end_sessions(session: Transaction, agent_id: UUID, *, but: bytes | None = None) -> int:
    """Ends an agent's sessions and pending sign-ins, all or all but one (by digest). Returns how many sessions.

    It waits for sign-ins and changes of a session's token that are under way, as they hold the agent's row: what they
    have opened then ends too.
    """
    await lock_agent(session, agent_id)
    await session.execute(delete(PendingSignIn).where(PendingSignIn.agent_id == agent_id))
    ended = delete(Session).where(Session.agent_id == agent_id)
    if but is not None:
        ended = ended.where(Session.digest != but)
    return len((await session.execute(ended.returning(Session.id))).all())


async def lock_agent(session: Transaction, agent_id: UUID) -> None:
    """Has whatever opens or ends sessions of the agent wait for this transaction.

    Locked before sessions, pending sign-ins and factors, in this order everywhere.
    """
    await session.execute(select(Agent.id).where(Agent.id == agent_id).with_for_update(key_share=True))


async def sign_out(context: AppState, session_digest: bytes) -> None:
    """Ends a session; idempotent."""
    async with context.database.begin() as session:
        await session.execute(delete(Session).where(Session.digest == session_digest))


async def sign_out_everywhere(context: AppState, agent_id: UUID, *, but: bytes | None = None) -> None:
    """Ends every session of an agent, or every one but one."""
    async with context.database.begin() as session:
        await end_sessions(session, agent_id, but=but)


async def list_sessions(session: Transaction, agent_id: UUID, idle: timedelta) -> list[Session]:
    """An agent's valid sessions, most recently used first."""
    now = utc_now()
    query = select(Session).where(
        Session.agent_id == agent_id, Session.expires_at > now, Session.last_seen_at > now - idle
    )
    return list(await session.scalars(query.order_by(Session.last_seen_at.desc(), Session.id)))


async def is_active(session: Transaction, agent_id: UUID) -> bool:
    """Whether the agent is active, read under a lock against concurrent deactivation."""
    query = select(Agent.is_active).where(Agent.id == agent_id).with_for_update(read=True)
    return bool(await session.scalar(query))


async def has_password_still(session: Transaction, checked: Agent) -> bool:
    """Whether an agent is active and has the password that was found right, read as in `is_active`.

    Hashing takes a while: the owner may have reset a password that somebody else knows, or an administrator may have
    deactivated the agent, and what they ended must not be opened afterwards.
    """
    query = select(Agent.is_active, Agent.password_hash).where(Agent.id == checked.id).with_for_update(read=True)
    now = (await session.execute(query)).one_or_none()
    return now is not None and now.is_active and now.password_hash == checked.password_hash


def session_info(stored: Session, current: bytes | None = None) -> SessionInfo:
    """A session as answered; `current` is the digest of the requesting session."""
    values = {name: getattr(stored, name) for name in SessionInfo.model_fields if name != "is_current"}
    return SessionInfo.model_validate(values | {"is_current": stored.digest == current})
