"""Service tokens: created, shown once, and limited to their owner's current rights."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import Keyed, changing, get_locked, refusing_clashes
from services.assignment.commands.configuration.audit import record_change, set_actor
from services.assignment.models import Agent, ServiceToken
from services.assignment.queries.access.callers import KNOWN_PERMISSIONS, Caller
from services.assignment.schemas.service_tokens import (
    CreatedServiceToken,
    ServiceTokenInput,
    ServiceTokenState,
    ServiceTokenView,
)
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.auth import SERVICE_TOKEN, ApiKey
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.idempotency import idempotent_transaction
from shared.kit.http.problems import Problem, not_found


def view_of(token: ServiceToken, owner: Agent, now: datetime) -> ServiceTokenView:
    """A service token as answered, without its secret."""
    return ServiceTokenView(
        id=token.id,
        name=token.name,
        prefix=f"{SERVICE_TOKEN}_{token.key_id}",
        permissions=sorted(KNOWN_PERMISSIONS[name] for name in token.permissions if name in KNOWN_PERMISSIONS),
        cidrs=list(token.cidrs),
        state=_state_of(token, owner, now),
        owner_id=owner.id,
        owner_name=owner.name,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )


def _state_of(token: ServiceToken, owner: Agent, now: datetime) -> ServiceTokenState:
    if token.revoked_at is not None:
        return ServiceTokenState.REVOKED
    if token.expires_at is not None and token.expires_at <= now:
        return ServiceTokenState.EXPIRED
    return ServiceTokenState.ACTIVE if owner.is_active else ServiceTokenState.OWNER_INACTIVE


async def list_service_tokens(session: Session) -> list[ServiceTokenView]:
    """Every token, the newest first, revoked ones too."""
    query = (
        select(ServiceToken, Agent)
        .join(Agent, Agent.id == ServiceToken.owner_id)
        .order_by(ServiceToken.created_at.desc(), ServiceToken.id.desc())
    )
    now = utc_now()
    return [view_of(token, owner, now) for token, owner in (await session.execute(query)).tuples()]


async def get_service_token(session: Session, token_id: UUID) -> ServiceTokenView:
    """One token. Raises Problem 404."""
    token = await session.get(ServiceToken, token_id)
    if token is None:
        raise not_found("service token")
    return view_of(token, await session.get_one(Agent, token.owner_id), utc_now())


async def create_service_token(context: AppState, call: Keyed, body: ServiceTokenInput) -> CreatedServiceToken:
    """Creates a token owned by the caller. A retry with the same key is answered without the secret.

    Raises Problem 403 for a program, and for permissions that the caller does not hold.
    """
    by = call.caller
    check_is_person(by, "a program makes no tokens; sign in as an agent")
    check_may_hold(by, body.permissions)
    asked = call.request
    async with (
        refusing_clashes(),
        idempotent_transaction(context.database, asked.scope, asked.key, asked.request_hash) as guarded,
    ):
        if guarded.stored is not None:
            return CreatedServiceToken.model_validate_json(bytes(guarded.stored.body))
        set_actor(guarded.session, by)
        key = ApiKey.make(SERVICE_TOKEN)
        view = await _add(guarded.session, key, body, by)
        made = CreatedServiceToken(**dict(view))
        await guarded.store(made.model_dump_json().encode(), 201, None)
    return made.model_copy(update={"token": str(key)})


async def _add(session: Session, key: ApiKey, body: ServiceTokenInput, by: Caller) -> ServiceTokenView:
    token = ServiceToken(
        id=new_id(),
        key_id=key.key_id,
        digest=key.digest,
        name=body.name,
        owner_id=by.agent_id,
        permissions=sorted(permission.value for permission in body.permissions),
        cidrs=list(body.cidrs),
        created_at=utc_now(),
        expires_at=body.expires_at,
    )
    session.add(token)
    await session.flush()
    view = await get_service_token(session, token.id)
    await record_change(session, None, view)
    return view


async def revoke_service_token(context: AppState, by: Caller, token_id: UUID) -> ServiceTokenView:
    """Revokes a token permanently; idempotent. Raises Problem 404."""
    async with changing(context, by) as session:
        token = await get_locked(session, ServiceToken, token_id, "service token")
        before = await get_service_token(session, token_id)
        if token.revoked_at is None:
            token.revoked_at = utc_now()
            await session.flush()
        view = await get_service_token(session, token_id)
        await record_change(session, before, view)
        return view


async def take_over_service_token(context: AppState, by: Caller, token_id: UUID) -> ServiceTokenView:
    """Makes the caller the owner, so that the token survives its previous owner's deactivation.

    Raises Problem 404, 403 for a program or for permissions that the caller does not hold, 409 for a revoked token.
    """
    check_is_person(by, "a program owns no tokens; sign in as an agent")
    async with changing(context, by) as session:
        token = await get_locked(session, ServiceToken, token_id, "service token")
        before = await get_service_token(session, token_id)
        if token.revoked_at is not None:
            raise Problem(409, "token_revoked", "a revoked token stays revoked; make a new one")
        check_may_hold(by, frozenset(before.permissions))
        token.owner_id = by.agent_id
        await session.flush()
        view = await get_service_token(session, token_id)
        await record_change(session, before, view)
        return view


def check_is_person(by: Caller, detail: str) -> None:
    """Raises Problem 403 for a program: some actions are reserved for people."""
    if not by.is_person:
        raise Problem(403, "not_a_person", detail)


def check_may_hold(by: Caller, permissions: frozenset[Permission]) -> None:
    """Raises Problem 403 for permissions that `by` holds in no team."""
    missing = sorted(permission.value for permission in permissions if not holds(by.principal, permission))
    if missing:
        names = ", ".join(missing)
        raise Problem(403, "exceeds_own_rights", f"you cannot give rights that you do not have yourself: {names}")
