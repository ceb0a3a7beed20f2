"""Organisations, and the look-up of a requester's organisation by domain."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CompoundSelect, bindparam, select

from services.assignment.models import Organisation, OrganisationDomain, RequesterAddress, RequesterRecord
from services.assignment.schemas.organisations import OrganisationView
from shared.kit.addresses import address_key, ascii_domain
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
    """The organisation of each e-mail address that has one.

    Where somebody put its person counts first, then the longest of the domains.
    """
    lines = {address: _line_of(address) for address in addresses}
    named = {domain for line in lines.values() for domain in line}
    if not named:
        return {}
    keys = {address: address_key(address) for address in lines}
    connection = await session.connection()
    sought = {"domains": sorted(named), "emails": sorted(set(keys.values()))}
    found = (await connection.execute(ORGANISATIONS, sought)).all()
    known = {row.key: KnownOrganisation(row.id, row.name, row.policy_id) for row in found}
    by_address = {address: _first((keys[address], *line), known) for address, line in lines.items()}
    return {address: organisation for address, organisation in by_address.items() if organisation is not None}


def _first(keys: Iterable[str], known: Mapping[str, KnownOrganisation]) -> KnownOrganisation | None:
    return next((known[one] for one in keys if one in known), None)


def _lookup() -> CompoundSelect[*tuple[Any, ...]]:
    """By domain and by person in one statement; an address and a domain cannot be the same key."""
    columns = (Organisation.id, Organisation.name, Organisation.policy_id)
    by_domain = (
        select(OrganisationDomain.domain.label("key"), *columns)
        .join(Organisation, Organisation.id == OrganisationDomain.organisation_id)
        .where(OrganisationDomain.domain.in_(bindparam("domains", expanding=True)))
    )
    by_hand = (
        select(RequesterAddress.email.label("key"), *columns)
        .join(RequesterRecord, RequesterRecord.id == RequesterAddress.requester_id)
        .join(Organisation, Organisation.id == RequesterRecord.organisation_id)
        .where(RequesterAddress.email.in_(bindparam("emails", expanding=True)))
    )
    return by_domain.union_all(by_hand)


ORGANISATIONS: Final = _lookup()


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
        ticket_sharing=row.ticket_sharing,
        version=row.version,
        created_at=row.created_at,
    )


async def _domains(session: Session, ids: Collection[UUID]) -> Mapping[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    query = select(OrganisationDomain).where(OrganisationDomain.organisation_id.in_(ids))
    for row in await session.scalars(query.order_by(OrganisationDomain.domain)):
        found.setdefault(row.organisation_id, []).append(row.domain)
    return found
