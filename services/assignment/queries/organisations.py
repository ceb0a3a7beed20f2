"""Organisations, and the look-up of a requester's organisation by domain."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Organisation, OrganisationDomain
from services.assignment.schemas.organisations import OrganisationView
from shared.kit.addresses import ascii_domain
from shared.kit.db import Session
from shared.kit.http.problems import not_found

FEWEST_LABELS = 2


@dataclass(frozen=True, slots=True)
class KnownOrganisation:
    """What of an organisation decides about its tickets."""

    id: UUID
    name: str
    policy_id: UUID | None


async def organisations_of(session: Session, addresses: Iterable[str]) -> dict[str, KnownOrganisation]:
    """The organisation of each e-mail address that has one: the longest of its domains counts."""
    lines = {address: _line_of(address) for address in addresses}
    named = {domain for line in lines.values() for domain in line}
    if not named:
        return {}
    query = (
        select(OrganisationDomain.domain, Organisation.id, Organisation.name, Organisation.policy_id)
        .join(Organisation, Organisation.id == OrganisationDomain.organisation_id)
        .where(OrganisationDomain.domain.in_(named))
    )
    known = {row.domain: KnownOrganisation(row.id, row.name, row.policy_id) for row in await session.execute(query)}
    found = {address: next((known[one] for one in line if one in known), None) for address, line in lines.items()}
    return {address: organisation for address, organisation in found.items() if organisation is not None}


def _line_of(address: str) -> list[str]:
    """The domain of an address and those above it, but for the last label."""
    labels = ascii_domain(address.rpartition("@")[2].strip()).split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - FEWEST_LABELS + 1)]


async def list_organisations(session: Session) -> list[OrganisationView]:
    """All of them by name."""
    rows = (await session.scalars(select(Organisation).order_by(Organisation.name, Organisation.id))).all()
    domains = await _domains(session, [row.id for row in rows])
    return [organisation_view(row, domains.get(row.id, [])) for row in rows]


async def get_organisation(session: Session, organisation_id: UUID) -> OrganisationView:
    """One of them. Raises Problem 404."""
    row = await session.get(Organisation, organisation_id)
    if row is None:
        raise not_found("organisation")
    return organisation_view(row, (await _domains(session, [row.id])).get(row.id, []))


def organisation_view(row: Organisation, domains: Iterable[str]) -> OrganisationView:
    """An organisation as answered."""
    return OrganisationView(
        id=row.id,
        name=row.name,
        domains=sorted(domains),
        policy_id=row.policy_id,
        version=row.version,
        created_at=row.created_at,
    )


async def _domains(session: Session, ids: Collection[UUID]) -> Mapping[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    query = select(OrganisationDomain).where(OrganisationDomain.organisation_id.in_(ids))
    for row in await session.scalars(query.order_by(OrganisationDomain.domain)):
        found.setdefault(row.organisation_id, []).append(row.domain)
    return found
