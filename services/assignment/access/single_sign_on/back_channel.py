"""Back-channel logout: the provider ends the sessions that began with a sign-in there."""

from collections import Counter
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.access.access_log import record_access
from services.assignment.access.provider_sessions import ProviderSession
from services.assignment.access.single_sign_on.connection import find_connection
from services.assignment.access.single_sign_on.exchange import verify_with_keys
from services.assignment.app_state import AppState
from services.assignment.identity_provider.id_tokens import LEEWAY, OLDEST, Claims, is_name
from services.assignment.identity_provider.logout_tokens import LogoutNotice, verify_logout_token
from services.assignment.identity_provider.refusal import SignOnRefused
from services.assignment.models import Agent, PendingSignIn, Session, UsedSignOn
from shared.kit.auth import digest_of
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.telemetry import log

REMEMBERED = OLDEST + 2 * LEEWAY
"""Longer than any token that we take is fresh."""


def session_name_of(claims: Claims) -> str | None:
    """The provider's name for the session that an ID token is of."""
    name: str | None = claims.get("sid")
    return name if is_name(name) else None


async def end_as_told(context: AppState, number: int, token: str, address: str) -> int:
    """Ends the sessions that a provider's logout token names; returns how many.

    Raises SignOnRefused for a token that is none, or that another provider made.

    A token counts once. Sessions begun with a password stay, as they do not come from the provider.
    """
    notice, name = await _read_notice(context, number, token)
    async with context.database.begin() as session:
        if not await _remember(session, f"logout\0{notice.issuer}\0{notice.token_id}"):
            raise SignOnRefused("used")
        if notice.session is not None:
            await _lock_session(session, notice.issuer, notice.session)
            await _remember(session, _ended_name(notice.issuer, notice.session))
        ended = await _end(session, notice)
        for agent_id, count in sorted(ended.items()):
            agent = await session.get_one(Agent, agent_id)
            told = {"sessions": count}
            who = f"Single sign-on ({name})"[:255]
            await record_access(session, "agent.sessions-ended", agent, actor_name=who, address=address, told=told)
    log.info("single_sign_on.logged_out", sessions=ended.total())
    return ended.total()


async def _read_notice(context: AppState, number: int, token: str) -> tuple[LogoutNotice, str]:
    """What the token says, and the provider's name."""
    async with context.database.begin() as session:
        connection = await find_connection(session, context.settings, number)
    if connection is None or not (connection.view.issuer and connection.view.client_id):
        raise SignOnRefused("off")
    view = connection.view
    provider = await context.provider.get(context.http_client, view.issuer)
    notice = await verify_with_keys(
        context.http_client,
        context.provider,
        provider,
        lambda keys: verify_logout_token(token, keys, view.issuer, view.client_id, utc_now()),
    )
    return notice, view.name


async def _end(session: Transaction, notice: LogoutNotice) -> Counter[UUID]:
    """How many sessions of whom. Pending sign-ins go first: one that is finished meanwhile is a session by then."""
    await session.execute(delete(PendingSignIn).where(_is_meant(PendingSignIn, notice)))
    ended = await session.scalars(delete(Session).where(_is_meant(Session, notice)).returning(Session.agent_id))
    return Counter(ended)


def _is_meant(table: type[Session] | type[PendingSignIn], notice: LogoutNotice) -> ColumnElement[bool]:
    """Which rows a notice is about; a session whose name the provider never told is ended with its subject."""
    same = table.provider_session == notice.session
    if notice.subject is None:
        return and_(table.provider_issuer == notice.issuer, same)
    of_subject = and_(table.provider_issuer == notice.issuer, table.provider_subject == notice.subject)
    return of_subject if notice.session is None else and_(of_subject, or_(same, table.provider_session.is_(None)))


async def refuse_ended(session: Transaction, provider: ProviderSession) -> None:
    """Raises SignOnRefused for a sign-in whose session the provider has ended before it arrived here."""
    if provider.session is None:
        return
    await _lock_session(session, provider.issuer, provider.session)
    ended = digest_of(_ended_name(provider.issuer, provider.session))
    if await session.scalar(select(UsedSignOn.digest).where(UsedSignOn.digest == ended)) is not None:
        raise SignOnRefused("signed_out")


def _ended_name(issuer: str, name: str) -> str:
    return f"ended\0{issuer}\0{name}"


async def _lock_session(session: Transaction, issuer: str, name: str) -> None:
    """A sign-in and the end of the same provider's session follow one another, whichever is first."""
    number = int.from_bytes(digest_of(_ended_name(issuer, name))[:8], signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(number)))


async def _remember(session: Transaction, name: str) -> bool:
    """Whether it is new."""
    until = utc_now() + REMEMBERED
    row = insert(UsedSignOn).values(digest=digest_of(name), expires_at=until).on_conflict_do_nothing()
    return await session.scalar(row.returning(UsedSignOn.digest)) is not None
