"""Mailed links with which agents set their password: invitations and password resets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, literal, select, true
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.selectable import Select

from services.assignment.access.access_log import record_access
from services.assignment.access.attempts import count_attempt, seconds_until, subject_of
from services.assignment.access.sessions import end_sessions
from services.assignment.access.sign_in import forgive_account, is_text
from services.assignment.app_state import AppState
from services.assignment.commands.people.passwords import hash_new_password
from services.assignment.models import AccountLink, Agent, table_of
from services.assignment.queries.access.callers import Caller
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import AgentId
from shared.contracts.events import AccountLinkRequested
from shared.kit import outbox
from shared.kit.addresses import address_key
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.client_address import network_of
from shared.kit.http.problems import Problem
from shared.kit.one_time_links import AccountLinks, MailedAccountLink
from shared.kit.tables import outbox as outbox_table

Purpose = Literal["invitation", "reset"]
RESETS_OF_ACCOUNT, RESETS_FROM_ADDRESS = 3, 20
"""Requests until the first lock. Those for one account beyond it send no mail, and nobody is told so."""
NOBODY = AgentId(UUID(int=0))
OVER = "this link does not work any more: it was used, has run out, or a newer one was sent"


@dataclass(frozen=True, slots=True)
class LinkOwner:
    """The agent whose password a link sets."""

    name: str
    email: str
    purpose: str


def link_is_over() -> Problem:
    """Problem 410 for a link that is forged, used, replaced or expired."""
    return Problem(410, "link_is_over", OVER)


async def request_reset(context: AppState, email: str, address: str) -> None:
    """Mails a reset link if the address belongs to an active agent with a password.

    The answer and the statements sent are the same if there is no such agent, so that nobody can probe for accounts.
    Raises Problem 429 for a network that asks too often.
    """
    now = utc_now()
    if not is_text(email):
        return
    async with context.database.begin() as session:
        network = subject_of("resets from address", network_of(address), tries=RESETS_FROM_ADDRESS)
        by_network = await count_attempt(session, {"address": network}, now)
        account = subject_of("resets of account", address_key(email), tries=RESETS_OF_ACCOUNT)
        by_account = await count_attempt(session, {"account": account}, now)
    if by_network.holds_until is not None:
        seconds = seconds_until(by_network.holds_until, now)
        raise Problem(
            429, "too_many_requests", "too many requests; try again later", headers={"Retry-After": str(seconds)}
        )
    async with context.database.begin() as session:
        whose = (
            func.lower(Agent.email) == address_key(email),
            Agent.is_active.is_(true()),
            Agent.password_hash.is_not(None),
        )
        await _send_link(
            session, "reset", whose, literal(by_account.holds_until is None), _lifetime(context.settings, "reset")
        )
    context.relay.wake()


async def invite(session: Transaction, settings: AssignmentSettings, by: Caller | None, agent: Agent) -> None:
    """Mails a new invitation link to set the first password; an earlier one stops working.

    Raises Problem 409 for an agent who has a password or is not active.
    """
    if agent.password_hash is not None:
        raise Problem(409, "has_password", "this agent has a password already; send a link to reset it instead")
    _check_active(agent)
    await _send_link(session, "invitation", (Agent.id == agent.id,), true(), _lifetime(settings, "invitation"))
    await record_access(session, "agent.invited", agent, by)


async def send_reset(session: Transaction, settings: AssignmentSettings, by: Caller, agent: Agent) -> None:
    """Mails a password reset link. Raises Problem 409 for an agent who is not active."""
    _check_active(agent)
    await _send_link(session, "reset", (Agent.id == agent.id,), true(), _lifetime(settings, "reset"))
    await record_access(session, "agent.password-reset-sent", agent, by)


async def revoke_invitation(session: Transaction, by: Caller, agent: Agent) -> None:
    """Revokes an agent's invitation link. Raises Problem 404 without one."""
    gone = delete(AccountLink).where(AccountLink.agent_id == agent.id, AccountLink.purpose == "invitation")
    if await session.scalar(gone.returning(AccountLink.id)) is None:
        raise Problem(404, "not_found", "there is no such invitation")
    await record_access(session, "agent.invitation-revoked", agent, by)


async def find_invitation(session: Transaction, agent_id: UUID) -> AccountLink | None:
    """The agent's pending invitation, or None."""
    query = select(AccountLink).where(
        AccountLink.agent_id == agent_id, AccountLink.purpose == "invitation", AccountLink.expires_at > utc_now()
    )
    return await session.scalar(query)


async def get_link_owner(context: AppState, token: str) -> LinkOwner:
    """The agent whose password the link sets. Raises Problem 410 for a link that does not work."""
    async with context.database.begin() as session:
        agent, link = await _find(session, _read(context, token))
    return LinkOwner(agent.name, agent.email, link.purpose)


async def set_password(context: AppState, token: str, password: str, address: str) -> None:
    """Sets the password and ends all sessions and links of the agent, in one transaction.

    Raises Problem 410 for a link that does not work, and 422 for a password that is easily guessed; the link then stays
    valid.
    """
    mailed = _read(context, token)
    async with context.database.begin() as session:
        agent, _ = await _find(session, mailed)
    hashed = await hash_new_password(password, (agent.email, agent.name))
    async with context.database.begin() as session:
        agent, link = await _find(session, mailed, is_for_use=True)
        agent.password_hash = hashed
        await session.execute(delete(AccountLink).where(AccountLink.agent_id == agent.id))
        await end_sessions(session, agent.id)
        await forgive_account(session, agent.email, address)
        action = "agent.invitation-accepted" if link.purpose == "invitation" else "agent.password-reset"
        await record_access(session, action, agent, actor_name=agent.name, address=address)


async def make_link(session: Transaction, settings: AssignmentSettings, agent: Agent) -> tuple[str, datetime]:
    """Creates a password link for an operator to hand over. Returns its address and expiry."""
    now, link_id = utc_now(), new_id()
    expires_at = now + _lifetime(settings, "reset")
    await session.execute(_replacing(link_id, "reset", now, expires_at, (Agent.id == agent.id,), true()))
    return AccountLinks(settings).url(link_id, "reset", now), expires_at


def _read(context: AppState, token: str) -> MailedAccountLink:
    mailed = AccountLinks(context.settings).read(token)
    if mailed is None:
        raise link_is_over()
    return mailed


async def _find(
    session: Transaction, mailed: MailedAccountLink, *, is_for_use: bool = False
) -> tuple[Agent, AccountLink]:
    """The agent and the link, with row locks if the link is to be used. Raises Problem 410."""
    query = select(AccountLink).where(
        AccountLink.id == mailed.link_id,
        AccountLink.purpose == mailed.purpose,
        AccountLink.expires_at > utc_now(),
    )
    link = await session.scalar(query.with_for_update() if is_for_use else query)
    agent = await session.get(Agent, link.agent_id) if link else None
    if link is None or agent is None or not agent.is_active:
        raise link_is_over()
    return agent, link


def _check_active(agent: Agent) -> None:
    if not agent.is_active:
        raise Problem(409, "not_active", "this agent is deactivated; activate them first")


def _lifetime(settings: AssignmentSettings, purpose: Purpose) -> timedelta:
    if purpose == "invitation":
        return timedelta(days=settings.invitation_days)
    return timedelta(minutes=settings.reset_minutes)


async def _send_link(
    session: Transaction,
    purpose: Purpose,
    whose: tuple[ColumnElement[bool], ...],
    is_wanted: ColumnElement[bool],
    lifetime: timedelta,
) -> None:
    """Replaces the agent's link and requests the mail; sends the same statements where there is no account."""
    now, link_id = utc_now(), new_id()
    agent_id = await session.scalar(_replacing(link_id, purpose, now, now + lifetime, whose, is_wanted))
    event = AccountLinkRequested(
        agent_id=AgentId(agent_id or NOBODY),
        link_id=link_id,
        purpose=purpose,
        requested_at=now,
        expires_at=now + lifetime,
    )
    row = outbox.row_of(event.envelope(f"account-link:{link_id}", now))
    columns = [outbox_table.c[name] for name in row]
    wanted: Select[tuple[object, ...]] = select(
        *(bindparam(name, content, outbox_table.c[name].type) for name, content in row.items())
    ).where(literal(agent_id is not None))
    await session.execute(insert(outbox_table).from_select(columns, wanted))
    outbox.note_rows(session)


def _replacing(
    link_id: UUID,
    purpose: Purpose,
    now: datetime,
    expires_at: datetime,
    whose: tuple[ColumnElement[bool], ...],
    is_wanted: ColumnElement[bool],
) -> ReturningInsert[UUID]:
    values = {"id": link_id, "purpose": purpose, "created_at": now, "expires_at": expires_at}
    columns = table_of(AccountLink).c
    rows = select(Agent.id, *(literal(value, columns[name].type) for name, value in values.items())).where(
        *whose, is_wanted
    )
    new = upsert(AccountLink).from_select(["agent_id", *values], rows)
    newer = {name: new.excluded[name] for name in ("id", "created_at", "expires_at")}
    return new.on_conflict_do_update(index_elements=["agent_id", "purpose"], set_=newer).returning(AccountLink.agent_id)
