"""Loads the caller of a service token: its scopes limited to its owner's rights."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from sqlalchemy import or_, select, update

from services.assignment.errors import address_refused
from services.assignment.models import Agent, Membership, Role, ServiceToken, Team
from services.assignment.queries.access.callers import Caller, grant_of, reaches_team
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import ActorKind, Channel
from shared.domain.permissions import Grant, Principal
from shared.kit.auth import SERVICE_TOKEN, ApiKey, digest_of
from shared.kit.db import Database
from shared.kit.http.client_address import read_address
from shared.kit.networks import is_in

USE_NOTED_EVERY = timedelta(minutes=1)
"""`last_used_at` is this coarse, so that using a token does not mean writing a row."""
NOBODYS_DIGEST = digest_of("")
"""Compared with where there is no such token; no secret has it."""


def is_service_token(text: str) -> bool:
    """Whether a bearer token has the form of a program's."""
    return text.startswith(f"{SERVICE_TOKEN}_")


async def find_program(database: Database, text: str, address: str, now: datetime) -> Caller | None:
    """The program a token stands for; None if the token does not work (any more).

    Its rights are its owner's, cut down to its permissions, and read anew with each request. Raises Problem 403 for a
    token that works, but not from this address.
    """
    key = ApiKey.parse(text, SERVICE_TOKEN)
    if key is None:
        return None
    rows = await _look_up(database, key.key_id)
    if not key.matches(rows[0].digest if rows else NOBODYS_DIGEST) or not rows:
        return None
    token = rows[0]
    if token.revoked_at is not None or not token.is_active or (token.expires_at and token.expires_at <= now):
        return None
    _check_address(token.cidrs, address)
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        await _note_use(database, token.id, now)
    grants = tuple(grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in rows if row.team_id)
    owner = Principal(AgentId(token.owner_id), grants)
    principal = Principal(AgentId(token.id), _cut_down(grants, token.allowed))
    return Caller(principal, "", token.name, Channel.API, b"", address, kind=ActorKind.PROGRAM, owner=owner)


async def _look_up(database: Database, key_id: str) -> Sequence[Any]:
    """The token, once for each membership of its owner."""
    query = (
        select(
            ServiceToken.id,
            ServiceToken.digest,
            ServiceToken.name,
            ServiceToken.owner_id,
            ServiceToken.permissions.label("allowed"),
            ServiceToken.cidrs,
            ServiceToken.expires_at,
            ServiceToken.revoked_at,
            ServiceToken.last_used_at,
            Agent.is_active,
            Team.id.label("team_id"),
            Role.scope,
            Role.permissions,
        )
        .join(Agent, Agent.id == ServiceToken.owner_id)
        .outerjoin(Membership, Membership.agent_id == Agent.id)
        .outerjoin(Role, Role.id == Membership.role_id)
        .outerjoin(Team, reaches_team())
        .where(ServiceToken.key_id == key_id)
    )
    async with database.single() as connection:
        return (await connection.execute(query)).all()


def _cut_down(grants: tuple[Grant, ...], allowed: list[str]) -> tuple[Grant, ...]:
    named = set(allowed)
    cut = (
        Grant(grant.team_id, grant.scope, frozenset(one for one in grant.permissions if one.value in named))
        for grant in grants
    )
    return tuple(grant for grant in cut if grant.permissions)


def _check_address(cidrs: list[str], address: str) -> None:
    """Raises Problem 403."""
    if not cidrs:
        return
    peer = read_address(address)
    if peer is None or not is_in(peer, tuple(ip_network(cidr) for cidr in cidrs)):
        raise address_refused()


async def _note_use(database: Database, token_id: object, now: datetime) -> None:
    is_older = or_(ServiceToken.last_used_at.is_(None), ServiceToken.last_used_at < now - USE_NOTED_EVERY)
    async with database.begin() as session:
        noted = update(ServiceToken).where(ServiceToken.id == token_id, is_older).values(last_used_at=now)
        await session.execute(noted)
