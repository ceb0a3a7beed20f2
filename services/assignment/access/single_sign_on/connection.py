"""The identity provider's configuration, from the administration page or fixed by settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from services.assignment.access.service_tokens import check_is_person
from services.assignment.access.single_sign_on.keys import SignOnKeys
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changes_of, changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.granting import lock_rights, refuse_excess
from services.assignment.models import Agent, Membership, ProviderIdentity, Role, SingleSignOn
from services.assignment.queries.access.callers import Caller, grant_of
from services.assignment.schemas.single_sign_on import PasswordUse, SingleSignOnPatch, SingleSignOnView
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import TeamId
from shared.contracts.vocabulary import Permission
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

CALLBACK = "/sign-in/sso/callback"
BACK_CHANNEL = "/sign-in/sso/back-channel-logout"
ROW = 1
FIXED = frozenset({"issuer", "client_id", "client_secret"})
TAKEN_OVER = FIXED | {"is_enabled", "trusts_addresses", "groups_claim", "creates_agents", "second_factor", "scopes"}
"""Fields that decide who is let in as whom; changing them takes the rights of every agent."""


@dataclass(frozen=True, slots=True)
class ProviderConnection:
    """The effective configuration."""

    view: SingleSignOnView
    client_secret: str | None

    @property
    def is_usable(self) -> bool:
        """Whether people can sign in with it."""
        return self.view.is_enabled and bool(self.view.issuer and self.view.client_id)


async def get_connection(session: Session, settings: AssignmentSettings) -> ProviderConnection:
    """The stored configuration, overridden by the settings."""
    stored = await session.get(SingleSignOn, ROW)
    redirect_uri = settings.desk_url.rstrip("/") + CALLBACK
    values: dict[str, Any] = {"redirect_uri": redirect_uri}
    secret: str | None = None
    if stored is not None:
        names = SingleSignOnView.model_fields.keys() - {"redirect_uri", "has_client_secret", "is_fixed"}
        values |= {name: getattr(stored, name) for name in names}
        secret = SignOnKeys(settings).decrypt(stored.client_secret) if stored.client_secret else None
    if settings.oidc_issuer:
        values |= {"issuer": settings.oidc_issuer, "client_id": settings.oidc_client_id, "is_fixed": True}
        values |= {} if stored is not None else {"is_enabled": True}
        secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    if settings.oidc_passwords:
        values["passwords"] = settings.oidc_passwords
    return ProviderConnection(SingleSignOnView.model_validate(values | {"has_client_secret": bool(secret)}), secret)


async def provider_name(context: AppState) -> str:
    """The provider's name for the sign-in page; empty if single sign-on is off."""
    async with context.database.begin() as session:
        connection = await get_connection(session, context.settings)
    return connection.view.name if connection.is_usable else ""


async def change_connection(
    context: AppState, by: Caller, body: SingleSignOnPatch, expected: int | None = None
) -> SingleSignOnView:
    """Saves the configuration.

    Raises Problem 403 for a program, and for a caller who lacks a right of any active agent: whoever names the provider
    can sign in as anybody. Raises Problem 409 for a change that would lock everybody out, 412 for another version, 422
    for invalid values.
    """
    check_is_person(by, "a program does not decide who signs in; sign in as an agent")
    changes = changes_of(body)
    async with changing(context, by) as session:
        await lock_rights(session)
        connection = await get_connection(session, context.settings)
        before = connection.view
        if expected not in (None, before.version):
            raise Problem(412, "version_conflict", "somebody else changed single sign-on; look at it again")
        if before.is_fixed and changes.keys() & FIXED:
            raise Problem(409, "fixed_by_settings", "issuer, client and secret come from the settings of the service")
        if changes.keys() & TAKEN_OVER:
            await _check_may_be_anybody(session, by)
        _refuse_incomplete(before, changes)
        changes = {name: value for name, value in changes.items() if value != _known(connection, name)}
        if not changes:
            return before
        await _write(session, context.settings, changes)
        after = (await get_connection(session, context.settings)).view
        await _refuse_lock_out(session, after)
        note = "new client secret" if changes.get("client_secret") is not None else ""
        await record_change(session, before, after, note=note)
    context.provider.forget()
    return after


def _known(connection: ProviderConnection, name: str) -> Any:
    return SecretStr(connection.client_secret or "") if name == "client_secret" else getattr(connection.view, name)


def _refuse_incomplete(before: SingleSignOnView, changes: Mapping[str, Any]) -> None:
    after = {name: changes.get(name, getattr(before, name)) for name in ("is_enabled", "issuer", "client_id")}
    if not after["is_enabled"]:
        return
    for name in ("issuer", "client_id"):
        if not after[name]:
            raise invalid(f"/{name}", "is needed before single sign-on can be switched on")


async def _write(session: Session, settings: AssignmentSettings, changes: Mapping[str, Any]) -> None:
    stored = await session.get(SingleSignOn, ROW, with_for_update=True)
    if stored is None:
        usual = SingleSignOnView().model_dump(mode="json")
        names = usual.keys() - {"redirect_uri", "has_client_secret", "is_fixed", "version"}
        stored = SingleSignOn(id=ROW, version=0, client_secret=None, **{name: usual[name] for name in names})
        stored.is_enabled = bool(settings.oidc_issuer)
        session.add(stored)
    for name, value in changes.items():
        if name == "client_secret":
            secret = value.get_secret_value()
            stored.client_secret = SignOnKeys(settings).encrypt(secret) if secret else None
        else:
            setattr(stored, name, value)
    stored.version += 1
    await session.flush()


async def _check_may_be_anybody(session: Session, by: Caller) -> None:
    """Raises Problem 403 if an active agent has a right that `by` lacks."""
    query = (
        select(Membership.team_id, Role.scope, Role.permissions)
        .join(Role, Role.id == Membership.role_id)
        .join(Agent, Agent.id == Membership.agent_id)
        .where(Agent.is_active)
        .distinct()
    )
    for row in await session.execute(query):
        refuse_excess(by, grant_of(TeamId(row.team_id), row.scope, row.permissions))


async def _refuse_lock_out(session: Session, after: SingleSignOnView) -> None:
    """Raises Problem 409 if no administrator of agents could sign in while the provider is down."""
    if after.passwords is not PasswordUse.UNLINKED_ONLY or not after.is_enabled:
        return
    linked = select(ProviderIdentity.agent_id).where(ProviderIdentity.issuer == after.issuer)
    query = (
        select(Agent.id)
        .join(Membership, Membership.agent_id == Agent.id)
        .join(Role, Role.id == Membership.role_id)
        .where(
            Agent.is_active,
            Agent.password_hash.is_not(None),
            Agent.id.not_in(linked),
            Role.permissions.contains([Permission.ADMIN_AGENTS.value]),
        )
        .limit(1)
    )
    if await session.scalar(query) is None:
        detail = (
            "keep an administrator with a password who never signs in with the provider: else nobody gets in while the"
            " provider is away"
        )
        raise Problem(409, "no_way_in", detail)
