"""What organisations let their people see: who belongs to which, and the tickets that are shared."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, cast, select, text

from services.intake.models import LinkRevocation, OrganisationEntry, PersonAddress, Ticket
from services.intake.similar_tickets import Proof
from shared.kit.addresses import address_key
from shared.kit.db import Session

SHOWN = 100
"""The newest tickets of an organisation; older ones are found by their number."""
MOST_DOMAINS = 200
_NAME = "reverse(split_part(lower(requester_email), '@', 2))"
NAMES_BELOW: Final = text(f"""
with recursive found(name) as (
  select (select {_NAME} from tickets where {_NAME} ~>=~ :first and {_NAME} ~<~ :behind
    order by {_NAME} using ~<~ limit 1)
  union all
  select (select {_NAME} from tickets where {_NAME} ~>~ found.name and {_NAME} ~<~ :behind
    order by {_NAME} using ~<~ limit 1)
  from found where found.name is not null
)
select reverse(name) from found where name is not null limit :most
""")  # noqa: S608 - made of constants
"""Jumps from domain to domain in the index of tickets, so that it costs by domains and not by tickets."""
NEWEST: Final = text("""
select newest.id from (
  select newest.id, newest.created_at from unnest(cast(:domains as text[])) as named(domain), lateral (
    select id, created_at, requester_email from tickets
    where reverse(split_part(lower(requester_email), '@', 2)) = reverse(named.domain) and erased_at is null
    order by created_at desc, id desc limit :most
  ) as newest where not exists (
    select from person_addresses as placed
    where placed.email = lower(newest.requester_email) and placed.organisation_id <> :organisation_id
  )
  union
  select newest.id, newest.created_at from person_addresses as placed, lateral (
    select id, created_at from tickets
    where lower(requester_email) = placed.email and erased_at is null
    order by created_at desc limit :most
  ) as newest where placed.organisation_id = :organisation_id
) as newest order by newest.created_at desc, newest.id desc limit :most
""")


@dataclass(frozen=True, slots=True)
class OrganisationMembership:
    """An address in its organisation."""

    organisation: OrganisationEntry
    is_manager: bool

    @property
    def may_read_all(self) -> bool:
        """Whether the organisation lets this person see all its tickets."""
        sharing = self.organisation.ticket_sharing
        return sharing == "members" or (sharing == "managers" and self.is_manager)


async def find_membership(session: Session, email: str) -> OrganisationMembership | None:
    """The organisation of an address: where somebody put the person, else the one with the longest of its domains."""
    placed = await session.get(PersonAddress, address_key(email))
    if placed is not None and placed.organisation_id is not None:
        entry = await session.get(OrganisationEntry, placed.organisation_id)
        return OrganisationMembership(entry, placed.is_manager) if entry and not entry.is_removed else None
    line = _line_of(email)
    query = select(OrganisationEntry).where(
        OrganisationEntry.domains.op("&&")(cast(line, ARRAY(Text))),
        OrganisationEntry.is_removed.is_(False),
    )
    known = {domain: entry for entry in await session.scalars(query) for domain in entry.domains}
    found = next((known[domain] for domain in line if domain in known), None)
    return OrganisationMembership(found, is_manager=False) if found else None


async def may_read_as_colleague(session: Session, email: str, ticket: Ticket) -> bool:
    """Whether the organisation of an address lets it read the ticket of somebody who belongs to the same one."""
    if not email or ticket.erased_at is not None:
        return False
    own = await find_membership(session, email)
    if own is None or not own.may_read_all:
        return False
    other = await find_membership(session, ticket.requester_email)
    return other is not None and other.organisation.id == own.organisation.id


async def list_shared_tickets(session: Session, organisation: OrganisationEntry) -> list[Ticket]:
    """The newest tickets of an organisation's people."""
    domains = [one for name in organisation.domains for one in await _names_under(session, name)]
    own = [name for name in dict.fromkeys(domains) if await _belongs(session, name, organisation.id)]
    values = {"domains": own[:MOST_DOMAINS], "organisation_id": organisation.id, "most": SHOWN}
    ids = list(await session.scalars(NEWEST, values))
    rows = await session.scalars(select(Ticket).where(Ticket.id.in_(ids)))
    return sorted(rows, key=lambda ticket: (ticket.created_at, ticket.id), reverse=True)


async def was_revoked_since(session: Session, proof: Proof) -> bool:
    """Whether links of this address were declared useless since the one that is the proof."""
    query = select(LinkRevocation.ticket_id).where(
        LinkRevocation.email == proof.email, LinkRevocation.made_before > proof.at
    )
    return (await session.execute(query.limit(1))).first() is not None


async def _names_under(session: Session, domain: str) -> list[str]:
    reversed_name = domain[::-1]
    bounds = {"first": f"{reversed_name}.", "behind": f"{reversed_name}/", "most": MOST_DOMAINS}
    return [domain, *await session.scalars(NAMES_BELOW, bounds)]


async def _belongs(session: Session, domain: str, organisation_id: UUID) -> bool:
    """Whether no other organisation has this domain, or one between it and ours."""
    found = await find_membership(session, f"anybody@{domain}")
    return found is not None and found.organisation.id == organisation_id


def _line_of(email: str) -> list[str]:
    """The domain of an address and those above it, the longest first."""
    labels = address_key(email).rpartition("@")[2].split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]
