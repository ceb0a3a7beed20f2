"""Maps claims to an agent: by linked subject, else by a verified address."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select

from services.assignment.access.group_roles import get_group_roles, roles_of_groups
from services.assignment.commands.configuration.audit import record_change, set_actor
from services.assignment.commands.people.granting import administration_now, has_way_in, lock_rights
from services.assignment.commands.people.people import change_agent_within, create_agent
from services.assignment.identity_provider.id_tokens import Claims
from services.assignment.identity_provider.refusal import SignOnRefused
from services.assignment.models import Agent, ProviderIdentity
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import get_agent_view
from services.assignment.schemas.people import AgentInput, AgentPatch, MembershipInput
from services.assignment.schemas.single_sign_on import ProviderFactor, ProviderLinkView, SingleSignOnView
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import ActorKind, Channel, Permission, Scope
from shared.domain.permissions import Grant, Principal
from shared.kit.addresses import address_key
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.inputs import Email, Line
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log

NOBODY = UUID(int=0)
EVERYTHING = Grant(TeamId(NOBODY), Scope.ALL, frozenset(Permission))
"""Rights for applying group mappings: they were checked when an administrator saved the mapping."""
SECOND_FACTORS = frozenset({"otp", "hwk", "swk", "sc", "fpt", "face", "iris", "retina", "vbm", "sms", "tel"})
"""RFC 8176 methods that count as a second one beside another; `mfa` suffices by itself."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_LINE: TypeAdapter[str] = TypeAdapter(Line)


def everdesk_itself(name: str, address: str) -> Caller:
    """The actor for changes that a sign-in makes."""
    principal = Principal(AgentId(NOBODY), (EVERYTHING,))
    return Caller(principal, "", name, Channel.DESK, b"", address, kind=ActorKind.SYSTEM)


async def find_or_make_agent(
    session: Session,
    settings: AssignmentSettings,
    connection: SingleSignOnView,
    claims: Claims,
    address: str,
    issuers: Collection[str] = (),
) -> Agent:
    """The agent to sign in, linked and with the roles of their groups; created if enabled. Raises SignOnRefused.

    `issuers` are the providers in use: none takes over an agent whom another knows, by their address. The last
    administrator whose password works is not linked where that would end it.
    """
    by = everdesk_itself(f"Single sign-on ({connection.name})"[:255], address)
    set_actor(session, by)
    groups = groups_of(connection, claims)
    key = (connection.issuer, claims["sub"])
    identity = await session.get(ProviderIdentity, key)
    if identity is None:
        await lock_rights(session)
        identity = await session.get(ProviderIdentity, key)
    if identity is None:
        agent = await _agent_by_address(session, by, connection, claims, groups)
        if await _is_linked(session, agent, {connection.issuer, *issuers}):
            raise SignOnRefused("linked")
        administration = await administration_now(session, settings)
        await _link(session, connection, claims, agent)
        if administration.has_way_in and not await has_way_in(session, settings):
            raise SignOnRefused("last_way_in")
    else:
        agent = await session.get_one(Agent, identity.agent_id)
        identity.last_used_at = utc_now()
    if not agent.is_active:
        raise SignOnRefused("inactive")
    if groups is not None:
        await _give_roles(session, settings, by, agent, connection.provider, groups)
    return agent


async def _agent_by_address(
    session: Session, by: Caller, connection: SingleSignOnView, claims: Claims, groups: frozenset[str] | None
) -> Agent:
    email = _verified_address(connection, claims)
    agent = await session.scalar(select(Agent).where(func.lower(Agent.email) == address_key(email)))
    if agent is not None:
        if not agent.is_active:
            raise SignOnRefused("inactive")
        return agent
    if not connection.creates_agents:
        raise SignOnRefused("unknown")
    memberships = roles_of_groups((await get_group_roles(session, connection.provider)).group_roles, groups or (), ())
    if not memberships:
        raise SignOnRefused("no_role")
    body = AgentInput(email=email, name=_name_of(claims, email), memberships=memberships)
    return await session.get_one(Agent, (await create_agent(session, by, body)).id)


async def _is_linked(session: Session, agent: Agent, issuers: Collection[str]) -> bool:
    query = select(ProviderIdentity.subject).where(
        ProviderIdentity.agent_id == agent.id, ProviderIdentity.issuer.in_(issuers)
    )
    return await session.scalar(query.limit(1)) is not None


def _verified_address(connection: SingleSignOnView, claims: Claims) -> str:
    """The verified address of the claims. Raises SignOnRefused without one."""
    said = claims.get("email_verified")
    is_verified = said is True or said == "true" or (connection.trusts_addresses and said is None)
    if not is_verified:
        raise SignOnRefused("unverified")
    try:
        email = _EMAIL.validate_python(claims.get("email"))
    except ValidationError:
        raise SignOnRefused("unverified") from None
    if connection.domains and address_key(email).rpartition("@")[2] not in connection.domains.split():
        raise SignOnRefused("other_domain")
    return email


def _name_of(claims: Claims, email: str) -> str:
    both = " ".join(str(claims[part]) for part in ("given_name", "family_name") if claims.get(part))
    for name in (claims.get("name"), both, email):
        try:
            return _LINE.validate_python(name)
        except ValidationError:
            continue
    return email


async def _link(session: Session, connection: SingleSignOnView, claims: Claims, agent: Agent) -> None:
    now = utc_now()
    identity = ProviderIdentity(
        issuer=connection.issuer, subject=claims["sub"], agent_id=agent.id, linked_at=now, last_used_at=now
    )
    session.add(identity)
    await session.flush()
    view = ProviderLinkView(
        id=agent.id, name=agent.name, issuer=identity.issuer, subject=identity.subject, linked_at=now, last_used_at=now
    )
    await record_change(session, None, view)


def groups_of(connection: SingleSignOnView, claims: Claims) -> frozenset[str] | None:
    """The person's groups; None where roles are not managed by sign-in.

    A missing claim means no groups, because providers leave out empty lists. Raises SignOnRefused where the provider
    omitted the groups because there are too many.
    """
    name = connection.groups_claim
    if not name:
        return None
    left_out = claims.get("_claim_names")
    if name not in claims and isinstance(left_out, Mapping) and name in left_out:
        raise SignOnRefused("too_many_groups")
    given: Any = claims.get(name, [])
    listed = given if isinstance(given, list) else [given]
    return frozenset(one for one in listed if isinstance(one, str))


async def _give_roles(
    session: Session,
    settings: AssignmentSettings,
    by: Caller,
    agent: Agent,
    provider: int,
    groups: frozenset[str],
) -> None:
    """Updates roles by groups, unless no administrator would remain; unchanged agents cost one read."""
    mapped = (await get_group_roles(session, provider)).group_roles
    view = await get_agent_view(session, agent.id)
    wanted = roles_of_groups(mapped, groups, view.memberships)
    held = {MembershipInput(team_id=one.team_id, role_id=one.role_id) for one in view.memberships}
    if not mapped or set(wanted) == held:
        return
    try:
        async with session.begin_nested():
            await change_agent_within(session, settings, by, agent.id, AgentPatch(memberships=wanted))
    except Problem as problem:
        if problem.code != "last_administrator":
            raise
        await session.refresh(agent)
        log.warning("single_sign_on.roles_kept", agent_id=str(agent.id))


def has_second_factor(connection: SingleSignOnView, claims: Claims) -> bool:
    """Whether the provider asked for a second factor, if it is trusted with that."""
    if connection.second_factor is not ProviderFactor.BY_AMR:
        return connection.second_factor is ProviderFactor.ALWAYS
    methods = claims.get("amr")
    named = {one for one in methods if isinstance(one, str)} if isinstance(methods, list) else set()
    return "mfa" in named or (len(named) > 1 and bool(named & SECOND_FACTORS))
