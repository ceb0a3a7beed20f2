"""Makes a requester of everybody who writes for the first time, and forgets those who are erased."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, update

from services.assignment.models import RequesterAddress, RequesterRecord, Ticket
from shared.contracts.events import RequesterChanged
from shared.kit import outbox
from shared.kit.addresses import address_key
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.idempotency import forget_about
from shared.kit.recordsets import as_parameter
from shared.kit.requester_ids import RequesterIds

TAKE_IN: Final = text("""
with given as (
  select distinct on (email) * from jsonb_to_recordset(cast(:rows as jsonb)) as given(
    ticket_id uuid, email text, name text, phone text, requester_id uuid, digest uuid, at timestamptz
  ) where not exists (select from erased_tickets where erased_tickets.ticket_id = given.ticket_id)
  order by email, at desc
), unknown as (
  insert into requester_addresses (email, requester_id, digest, is_primary, added_at)
  select email, requester_id, digest, true, at from given order by email
  on conflict (email) do nothing
  returning requester_id
)
insert into requesters (id, name, phone, domain, version, created_at, updated_at)
select requester_id, name, phone, reverse(split_part(email, '@', 2)), 1, at, at from given
where requester_id in (select requester_id from unknown)
""")
"""One statement for a batch; whose address is known is left as they are."""


async def take_in_requesters(session: Session, ids: RequesterIds, asked: Iterable[dict[str, Any]]) -> None:
    """Adds those whose addresses nobody has. `asked`: each with ticket_id, email, name, phone and the instant `at`."""
    rows = [
        row | {"email": email, "requester_id": new_id(), "digest": ids.of(email)}
        for row in asked
        if (email := address_key(row["email"]))
    ]
    if rows:
        await session.execute(TAKE_IN, {"rows": as_parameter(rows)})


async def forget_requester(session: Session, ids: RequesterIds, requester_id: UUID, ticket_ids: Sequence[UUID]) -> None:
    """Removes the address that an erasure names, and with the last one the person and all notes about them.

    Runs before the tickets are redacted: an address from before digests were kept is found by its tickets.
    """
    sent_from = select(func.lower(Ticket.requester_email)).where(Ticket.id.in_(ticket_ids)).distinct()
    digests = {email: ids.of(email) for email in await session.scalars(sent_from) if email}
    emails = {email for email, digest in digests.items() if digest == requester_id}
    await _note_digests(session, {email: digest for email, digest in digests.items() if email not in emails})
    named = or_(RequesterAddress.digest == requester_id, RequesterAddress.email.in_(emails))
    gone = (await session.execute(delete(RequesterAddress).where(named).returning(RequesterAddress))).scalars().all()
    people = sorted({row.requester_id for row in gone})
    await forget_about(session, emails | {row.email for row in gone} | {str(one) for one in people})
    await outbox.forget(session, [f"{RequesterChanged.type()}.{one}" for one in people])
    await _remove_without_address(session, people)


async def emails_on(session: Session, ticket_ids: Sequence[UUID]) -> list[str]:
    """The addresses that tickets were sent from."""
    sent_from = select(func.lower(Ticket.requester_email)).where(
        Ticket.id.in_(ticket_ids), Ticket.requester_email != ""
    )
    return list(await session.scalars(sent_from.distinct()))


async def forget_people_without_tickets(session: Session, emails: Collection[str]) -> None:
    """Removes people whose last ticket was erased because its time was over, with the notes about them."""
    concerned = select(RequesterAddress.requester_id).where(RequesterAddress.email.in_(emails))
    sent = select(Ticket.id).where(func.lower(Ticket.requester_email) == RequesterAddress.email)
    busy = select(RequesterAddress.requester_id).where(
        RequesterAddress.requester_id == RequesterRecord.id, sent.exists()
    )
    idle = select(RequesterRecord).where(RequesterRecord.id.in_(concerned), ~busy.exists())
    for person in (await session.scalars(idle.order_by(RequesterRecord.id).with_for_update())).all():
        if person.version > 1:
            person.version += 1
            event = RequesterChanged(
                requester_id=person.id, email="", name="", version=person.version, changed_at=utc_now()
            )
            await outbox.add(session, event, f"requester:{person.id}:{person.version}", utc_now())
        await forget_about(session, {str(person.id)})
        await session.delete(person)
    await session.flush()


async def _note_digests(session: Session, digests: dict[str, UUID]) -> None:
    """So that the erasure of a person's other address finds it, when the tickets name nobody any more."""
    for email, digest in digests.items():
        here = RequesterAddress.email == email, RequesterAddress.digest.is_(None)
        await session.execute(update(RequesterAddress).where(*here).values(digest=digest))


async def _remove_without_address(session: Session, people: Collection[UUID]) -> None:
    """Whoever has no address left goes, and those merged into them; others get a primary one again."""
    left = set(
        await session.scalars(
            select(RequesterAddress.requester_id).where(RequesterAddress.requester_id.in_(people)).distinct()
        )
    )
    for person in left:
        first = select(func.min(RequesterAddress.email)).where(RequesterAddress.requester_id == person)
        has_one = select(RequesterAddress.email).where(
            RequesterAddress.requester_id == person, RequesterAddress.is_primary
        )
        if await session.scalar(has_one) is None:
            here = RequesterAddress.email == first.scalar_subquery()
            await session.execute(update(RequesterAddress).where(here).values(is_primary=True))
    await session.execute(delete(RequesterRecord).where(RequesterRecord.id.in_(set(people) - left)))
