"""The identity providers' configuration, from the administration pages; settings may fix the first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlalchemy import delete, select

from services.assignment.access.group_roles import get_group_roles
from services.assignment.access.service_tokens import check_is_person
from services.assignment.access.single_sign_on.keys import SignOnKeys
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changes_of, changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.granting import NO_WAY_IN, has_way_in, lock_rights, refuse_excess
from services.assignment.models import (
    Agent,
    GroupRole,
    Membership,
    PendingSignIn,
    Role,
    SingleSignOn,
)
from services.assignment.models import Session as SignedInSession
from services.assignment.queries.access.callers import Caller, grant_of
from services.assignment.queries.access.password_replacement import issuers_instead_of_passwords
from services.assignment.schemas.single_sign_on import (
    FIRST,
    NewProvider,
    SingleSignOnPatch,
    SingleSignOnView,
)
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import TeamId
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid, not_found

SIGN_ON = "/sign-in/sso"
MOST = 20
NO_PROGRAM = "a program does not decide who signs in; sign in as an agent"
STORED = SingleSignOnView.model_fields.keys() - {
    *("provider", "redirect_uri", "back_channel_uri", "has_client_secret", "is_fixed")
}
FIXED = frozenset({"issuer", "client_id", "client_secret"})
TAKEN_OVER = FIXED | {
    "is_enabled",
    "trusts_addresses",
    "groups_claim",
    "creates_agents",
    "second_factor",
    "scopes",
    "domains",
}
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


async def list_connections(session: Session, settings: AssignmentSettings) -> list[ProviderConnection]:
    """All of them by number: the first, overridden by the settings, even where nothing is stored of it."""
    stored = {row.id: row for row in await session.scalars(select(SingleSignOn).order_by(SingleSignOn.id))}
    return [_read(stored.get(number), number, settings) for number in sorted({FIRST, *stored})]


async def find_connection(session: Session, settings: AssignmentSettings, number: int) -> ProviderConnection | None:
    """The provider of this number."""
    stored = await session.get(SingleSignOn, number)
    return _read(stored, number, settings) if stored is not None or number == FIRST else None


async def get_connection(session: Session, settings: AssignmentSettings, number: int = FIRST) -> ProviderConnection:
    """The provider of this number. Raises Problem 404."""
    found = await find_connection(session, settings, number)
    if found is None:
        raise not_found("provider")
    return found


def _read(stored: SingleSignOn | None, number: int, settings: AssignmentSettings) -> ProviderConnection:
    values: dict[str, Any] = {"provider": number, "redirect_uri": address_of_provider(settings, number, "callback")}
    values["back_channel_uri"] = address_of_provider(settings, number, "back-channel-logout")
    secret: str | None = None
    if stored is not None:
        values |= {name: getattr(stored, name) for name in STORED}
        secret = SignOnKeys(settings).decrypt(stored.client_secret) if stored.client_secret else None
    if settings.oidc_issuer and number == FIRST:
        values |= {"issuer": settings.oidc_issuer, "client_id": settings.oidc_client_id, "is_fixed": True}
        values |= {} if stored is not None else {"is_enabled": True}
        secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    if settings.oidc_passwords:
        values["passwords"] = settings.oidc_passwords
    return ProviderConnection(SingleSignOnView.model_validate(values | {"has_client_secret": bool(secret)}), secret)


def address_of_provider(settings: AssignmentSettings, number: int, what: str) -> str:
    """The desk's own address for one provider: answers of one never arrive where another's are awaited."""
    place = SIGN_ON if number == FIRST else f"{SIGN_ON}/{number}"
    return f"{settings.desk_url.rstrip('/')}{place}/{what}"


async def usable_providers(context: AppState) -> list[SingleSignOnView]:
    """Those that people can sign in with, for the sign-in page."""
    async with context.database.begin() as session:
        connections = await list_connections(session, context.settings)
    return [one.view for one in connections if one.is_usable]


async def change_connection(
    context: AppState, by: Caller, body: SingleSignOnPatch, number: int = FIRST, expected: int | None = None
) -> SingleSignOnView:
    """Saves a provider's configuration.

    Raises Problem 403 for a program, and for a caller who lacks a right of any active agent: whoever names the provider
    can sign in as anybody. Raises Problem 404, 409 for a change that would lock everybody out, 412 for another version,
    422 for invalid values.
    """
    check_is_person(by, NO_PROGRAM)
    changes = changes_of(body)
    async with changing(context, by) as session:
        await lock_rights(session)
        connection = await get_connection(session, context.settings, number)
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
        await _refuse_same_issuer(session, context.settings, number, changes.get("issuer"))
        await _write(session, context.settings, number, changes)
        after = (await get_connection(session, context.settings, number)).view
        await _refuse_lock_out(session, context.settings)
        await record_change(session, before, after, note=_note(changes))
    context.provider.forget()
    return after


async def add_provider(context: AppState, by: Caller, body: NewProvider) -> SingleSignOnView:
    """Adds a provider beside those that are there.

    Raises Problem 403 as `change_connection` does, 409 for one too many, 422 for invalid values and for an issuer that
    another provider has.
    """
    check_is_person(by, NO_PROGRAM)
    changes = changes_of(body)
    async with changing(context, by) as session:
        await lock_rights(session)
        await _check_may_be_anybody(session, by)
        numbers = (await session.scalars(select(SingleSignOn.id))).all()
        if len({FIRST, *numbers}) >= MOST:
            raise Problem(409, "too_many_providers", f"there are {MOST} providers at most")
        number = max([FIRST, *numbers]) + 1
        _refuse_incomplete(SingleSignOnView(provider=number), changes)
        await _refuse_same_issuer(session, context.settings, number, body.issuer)
        await _write(session, context.settings, number, changes)
        after = (await get_connection(session, context.settings, number)).view
        await _refuse_lock_out(session, context.settings)
        await record_change(session, None, after, note=_note(changes))
    return after


async def remove_provider(context: AppState, by: Caller, number: int) -> None:
    """Takes a provider away, with what its groups stand for, and ends the sessions that began there.

    Raises Problem 403, 404, and 409 for the first, which is switched off instead, and if nobody could get in any more.
    """
    check_is_person(by, NO_PROGRAM)
    async with changing(context, by) as session:
        await lock_rights(session)
        before = (await get_connection(session, context.settings, number)).view
        if number == FIRST:
            raise Problem(409, "first_provider", "the first provider is switched off, not removed")
        await _check_may_be_anybody(session, by)
        groups = await get_group_roles(session, number)
        await session.execute(delete(GroupRole).where(GroupRole.provider_id == number))
        await session.execute(delete(SingleSignOn).where(SingleSignOn.id == number))
        for table in (PendingSignIn, SignedInSession):
            await session.execute(delete(table).where(table.provider_issuer == before.issuer))
        await _refuse_lock_out(session, context.settings)
        if groups.group_roles:
            await record_change(session, groups, None)
        await record_change(session, before, None)
    context.provider.forget()


def _note(changes: Mapping[str, Any]) -> str:
    return "new client secret" if changes.get("client_secret") is not None else ""


async def _refuse_same_issuer(session: Session, settings: AssignmentSettings, number: int, issuer: str | None) -> None:
    """Raises Problem 422 if another provider has the issuer: a person there would be known by two numbers."""
    others = [one.view for one in await list_connections(session, settings) if one.view.provider != number]
    if issuer and issuer in {one.issuer for one in others}:
        raise invalid("/issuer", "another provider here has this issuer")


def _known(connection: ProviderConnection, name: str) -> Any:
    return SecretStr(connection.client_secret or "") if name == "client_secret" else getattr(connection.view, name)


def _refuse_incomplete(before: SingleSignOnView, changes: Mapping[str, Any]) -> None:
    after = {name: changes.get(name, getattr(before, name)) for name in ("is_enabled", "issuer", "client_id")}
    if not after["is_enabled"]:
        return
    for name in ("issuer", "client_id"):
        if not after[name]:
            raise invalid(f"/{name}", "is needed before single sign-on can be switched on")


async def _write(session: Session, settings: AssignmentSettings, number: int, changes: Mapping[str, Any]) -> None:
    stored = await session.get(SingleSignOn, number, with_for_update=True)
    if stored is None:
        usual = SingleSignOnView().model_dump(mode="json")
        values = {name: usual[name] for name in STORED - {"version"}}
        stored = SingleSignOn(id=number, version=0, client_secret=None, **values)
        stored.is_enabled = bool(settings.oidc_issuer) and number == FIRST
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


async def _refuse_lock_out(session: Session, settings: AssignmentSettings) -> None:
    """Raises Problem 409 if no administrator of agents could sign in while the providers are away."""
    if await issuers_instead_of_passwords(session, settings) and not await has_way_in(session, settings):
        raise Problem(409, "no_way_in", NO_WAY_IN)
