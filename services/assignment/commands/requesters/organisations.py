"""Administration of organisations: their domains and their SLA policy."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing, get_locked
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.announcements import organisation_changed
from services.assignment.models import Organisation, OrganisationDomain, Policy, RequesterRecord
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.organisations import get_organisation, organisation_view
from services.assignment.schemas.organisations import OrganisationInput, OrganisationPatch, OrganisationView
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.http.problems import invalid


async def create_organisation(session: Session, body: OrganisationInput) -> OrganisationView:
    """Adds an organisation. Raises Problem 422 for a domain that another one has."""
    await _check_policy(session, body.policy_id)
    row = Organisation(
        id=new_id(), name=body.name, policy_id=body.policy_id, ticket_sharing=body.ticket_sharing, version=1
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await _set_domains(session, row.id, body.domains)
    view = organisation_view(row, set(body.domains))
    await record_change(session, None, view)
    await organisation_changed(session, row, view.domains)
    return view


async def change_organisation(
    context: AppState, by: Caller, organisation_id: UUID, body: OrganisationPatch
) -> OrganisationView:
    """Changes an organisation, for tickets to come. Raises Problem 404 and 422."""
    changes = changes_of(body, nullable=frozenset({"policy_id"}))
    async with changing(context, by) as session:
        row = await get_locked(session, Organisation, organisation_id, "organisation")
        before = await get_organisation(session, organisation_id)
        domains = changes.pop("domains", None)
        if "policy_id" in changes:
            await _check_policy(session, changes["policy_id"])
        differs = apply_changes(row, changes)
        if domains is not None and set(domains) != set(before.domains):
            await _set_domains(session, row.id, domains)
            differs = True
        if not differs:
            return before
        row.version += 1
        await session.flush()
        after = await get_organisation(session, organisation_id)
        await record_change(session, before, after)
        await organisation_changed(session, row, after.domains)
        return after


async def delete_organisation(context: AppState, by: Caller, organisation_id: UUID) -> None:
    """Forgets an organisation; its tickets keep their policy. Raises Problem 404."""
    async with changing(context, by) as session:
        row = await get_locked(session, Organisation, organisation_id, "organisation")
        await record_change(session, await get_organisation(session, organisation_id), None)
        row.version += 1
        await organisation_changed(session, row, (), is_removed=True)
        managers = update(RequesterRecord).where(RequesterRecord.organisation_id == row.id, RequesterRecord.is_manager)
        await session.execute(managers.values(is_manager=False))
        await session.delete(row)


async def _check_policy(session: Session, policy_id: UUID | None) -> None:
    if policy_id is None:
        return
    query = select(Policy.id).where(Policy.id == policy_id, Policy.is_current, Policy.is_active)
    if await session.scalar(query) is None:
        raise invalid("/policy_id", "there is no such active SLA policy")


async def _set_domains(session: Session, organisation_id: UUID, domains: Collection[str]) -> None:
    """Gives the organisation exactly these domains. Raises Problem 422 for one that another has."""
    named = sorted(set(domains))
    theirs = select(OrganisationDomain.domain).where(
        OrganisationDomain.domain.in_(named), OrganisationDomain.organisation_id != organisation_id
    )
    if (taken := await session.scalar(theirs.order_by(OrganisationDomain.domain).limit(1))) is not None:
        raise invalid("/domains", f"{taken} belongs to another organisation")
    await session.execute(delete(OrganisationDomain).where(OrganisationDomain.organisation_id == organisation_id))
    session.add_all(OrganisationDomain(domain=domain, organisation_id=organisation_id) for domain in named)
    await session.flush()
